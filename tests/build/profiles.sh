#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# profiles.sh NAME - all that a profile's fragments ask for is granted by the kernel that is built here;
# see CMakeLists.txt for the environment
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PROFILE=$1 OBJ=$work "$SRC/tools/build/kernel.sh" configure || { echo "FAILED: profile $1"; exit 1; }
grep -q '^CONFIG_LKL=y' "$work/.config" || { echo "FAILED: no configuration for arch/lkl"; exit 1; }
echo "ok: profile $1"
