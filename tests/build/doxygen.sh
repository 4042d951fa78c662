#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target lkl_doxygen: no warning, and each function has what its comment says.
set -euo pipefail
command -v doxygen >/dev/null || { echo "skipped: needs doxygen"; exit 77; }
cmake --build "$BUILD" --target lkl_doxygen
html=$BUILD/doxygen/html
missing=0
while read -r name; do
	case $name in *_5 | LKL_*) continue ;; esac
	# its line in the list of functions, and below it what it does
	grep -hA1 ">$name<" "$html"/lkl_8h.html "$html"/lkl__host_8h.html "$html"/lkl__config_8h.html | grep 'mdescRight">[A-Za-z0-9<]' >/dev/null ||
		{ echo "$name: not there"; missing=1; }
done < <(grep -P '^\t' "$SRC/host/exports.txt")
# one of each kind: a parameter, a member of a structure, a member function of C++
grep -q 'paramname">flags</td><td><code>LKL_DISK_\|paramname">disk_id</td><td>from' "$html/lkl_8h.html" ||
	{ echo "no parameters"; missing=1; }
grep -q 'struct_size</code>' "$html/structlkl__disk__options.html" || { echo "no members"; missing=1; }
grep -rq 'The booted kernel. Move-only' "$html" || { echo "no C++"; missing=1; }
exit $missing
