#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# installed.sh - the zip file: a project of somebody else (tests/build/project) built against what is in it, and
# run; programs that are there, and how large they are. BUILD, SRC and WINE are in the environment.
set -euo pipefail
die() { echo "FAILED: $*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; die "$*"; }; }

run cpack -G ZIP --config "$BUILD/CPackConfig.cmake" -B "$work/zip"
(cd "$work" && cmake -E tar xf zip/lkl-*-windows-x86_64.zip) || die "no zip file"
mv "$work"/lkl-*-windows-x86_64 "$work/lkl"
if [ -n "$PROGRAMS" ]; then
	size=$(cat "$work"/lkl/bin/lkl.{dll,exe} | wc -c)
	[ "$size" -lt $((20 << 20)) ] || die "lkl.dll and lkl.exe have $size bytes"
	echo "lkl.dll and lkl.exe: $size bytes"
fi
for program in $PROGRAMS; do
	said=$("$WINE" "$work/lkl/bin/$program.exe" --help)
	grep -q "^$program\|[Uu]sage: $program" <<<"$said" || die "$program.exe --help says: $said"
done
run cmake -G Ninja -S "$SRC/tests/build/project" -B "$work/app" "-DCMAKE_TOOLCHAIN_FILE=$SRC/cmake/win64.cmake" \
	"-DCMAKE_PREFIX_PATH=$work/lkl" -D CMAKE_BUILD_TYPE=Release
run cmake --build "$work/app" --target app app-cxx app-static
for program in app-static app app-cxx; do
	said=$("$WINE" "$work/app/$program.exe" | tr -d '\r')
	[ "$said" = "pid 1, kmalloc of the application" ] || die "$program said: $said"
	# the static one needs no DLL; the others find it beside themselves
	cp "$work/lkl/bin/lkl.dll" "$work/app"
done
