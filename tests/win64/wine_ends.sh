#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# wine_ends.sh - what a program says ends with the program, even of the one that comes first, with which wine's server and
# services begin: whoever reads it until its end would wait for theirs. SRC and WINE are in the environment.
set -euo pipefail
die() { echo "FAILED: $*" >&2; exit 1; }
server=/usr/lib/wine/wineserver64
[ -x "$server" ] || { echo "skipped: $server is not there"; exit 77; }
work=$(mktemp -d)
trap 'WINEPREFIX=$work/prefix "$server" -k || :; rm -rf "$work"' EXIT

"$WINE" cmd.exe /c exit # so that there is a prefix
cp -a --reflink=auto "${LKL_WINEPREFIX:-$SRC/build/wine}" "$work/prefix"
export LKL_WINEPREFIX=$work/prefix
"$WINE" cmd.exe /c echo it ends >"$work/said" 2>&1
grep -q "it ends" "$work/said" || die "said: $(cat "$work/said")"
held=$(find /proc/[0-9]*/fd -lname "$work/said" 2>/dev/null || :)
[ -z "$held" ] || die "somebody still has the program's output:" $held
