#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lkl-hijack.sh PROGRAM [WORD...]: "lkl run" by the name that the variables LKL_HIJACK_* and
# LKL_HIJACK_CONFIG_FILE have from.
if [ $# = 0 ]; then
	echo "usage: lkl-hijack.sh PROGRAM [WORD...]" >&2
	exit 2
fi
exec "$(dirname -- "$(readlink -f -- "$0")")/lkl" run -- "$@"
