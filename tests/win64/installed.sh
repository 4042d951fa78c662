#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# installed.sh - a project of somebody else (tests/build/project) built against the installed tree, and run.
# BUILD, SRC and WINE are in the environment.
set -euo pipefail
die() { echo "FAILED: $*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; die "$*"; }; }

DESTDIR='' run cmake --install "$BUILD" --prefix "$work/lkl" --strip
size=$(stat -c %s "$work/lkl/bin/lkl.dll")
[ "$size" -lt $((20 << 20)) ] || die "lkl.dll has $size bytes"
run cmake -G Ninja -S "$SRC/tests/build/project" -B "$work/app" "-DCMAKE_TOOLCHAIN_FILE=$SRC/cmake/win64.cmake" \
	"-DCMAKE_PREFIX_PATH=$work/lkl"
# there is no static library
run cmake -G Ninja -D CMAKE_BUILD_TYPE=Release "$work/app"
run cmake --build "$work/app" --target app app-cxx
cp "$work/lkl/bin/lkl.dll" "$work/app"
for program in app app-cxx; do
	said=$("$WINE" "$work/app/$program.exe" | tr -d '\r')
	[ "$said" = "pid 1, kmalloc of the application" ] || die "$program said: $said"
done
