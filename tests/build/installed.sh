#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# installed.sh CASE - an installed tree as its user has it; see CMakeLists.txt for the environment
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
unset PKG_CONFIG_PATH LD_LIBRARY_PATH

die() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*"; exit 77; }
work=$(mktemp -d)
mounted=
trap '[ -z "$mounted" ] || fusermount3 -u "$mounted"; rm -rf "$work"' EXIT
export HOME=$work # for the commands of README.md
cd "$work"

run() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; die "$*"; }; }

install_tree() { # PREFIX
	DESTDIR= run cmake --install "$BUILD" --prefix "$1"
}

image() {
	type mkfs.ext4 >/dev/null || skip "needs mkfs.ext4 (e2fsprogs)"
	mkdir -p root/etc
	echo "the name of this host" >root/etc/hostname
	truncate -s 16M disk.img
	run mkfs.ext4 -q -d root disk.img
}

expect_name() { # COMMAND...: prints what is in etc/hostname of the image
	local out
	out=$("$@" 2>"$work/log") || { cat "$work/log"; die "$*: exit status $?"; }
	[ "$out" = "the name of this host" ] || die "$* said: $out"
}

# The first program of README.md, and a command of it that begins so.
readme_program() { awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$SRC/README.md"; }
readme_command() {
	local line
	line=$(sed -n 's/^    //p' "$SRC/README.md" | grep "^$1") || die "README.md has no command $1"
	echo "${line%%$'\n'*}"
}

libraries() { dirname "$(find "$1" -name liblkl.a)"; }

case "$1" in
readme)
	image
	readme_program >example.c
	grep -q lkl_start_kernel example.c || die "README.md has no program"
	command=$(readme_command "cmake --install")
	DESTDIR= run eval "${command//build\/default/\"$BUILD\"}"
	[ -d lkl/lib/pkgconfig ] || skip "libraries are not in lib here, as README.md has it"
	command=$(readme_command "gcc example.c")
	run eval "${command/#gcc/\"$CC\" -Wall -Werror}"
	expect_name eval "$(readme_command ./a.out)"
	# the static library, alone
	rm lkl/lib/liblkl.so*
	run eval "${command/#gcc/\"$CC\"} $(PKG_CONFIG_PATH=lkl/lib/pkgconfig pkg-config --static --libs lkl)"
	expect_name ./a.out disk.img
	! ldd ./a.out | grep liblkl || die "it is not linked to the static library"
	;;
pkgconfig)
	image
	readme_program >example.c
	install_tree "$work/first place"
	mv "first place" second
	lib=$(libraries second)
	export PKG_CONFIG_PATH=$lib/pkgconfig
	for variable in prefix:second libdir:"$lib" includedir:second/include; do
		is=$(pkg-config --variable="${variable%%:*}" lkl)
		[ "$(realpath "$is")" = "$(realpath "${variable#*:}")" ] || die "$variable: pkg-config says $is"
	done
	run "$CC" example.c $(pkg-config --cflags --libs lkl) -Wl,-rpath,"$(pkg-config --variable=libdir lkl)"
	expect_name ./a.out disk.img
	if echo 'int main(void) { return 0; }' | "$CC" -x c - -static $(pkg-config --static --libs lkl) -o nothing 2>/dev/null; then
		run "$CC" example.c -static $(pkg-config --static --cflags --libs lkl)
		expect_name ./a.out disk.img
	else
		echo "not tried: -static; libraries of this host are shared only"
	fi
	;;
cmake)
	image
	install_tree "$work/first"
	mv first "second place"
	mkdir project
	readme_program >project/example.c
	cat >project/CMakeLists.txt <<-'END'
		cmake_minimum_required(VERSION 3.20)
		project(example LANGUAGES C CXX)
		find_package(lkl 0.1 REQUIRED)
		foreach(library lkl lkl-static)
		  add_executable(with-${library} example.c)
		  target_link_libraries(with-${library} lkl::${library})
		endforeach()
	END
	run cmake -S project -B built -DCMAKE_PREFIX_PATH="$work/second place"
	run cmake --build built
	for program in built/with-lkl built/with-lkl-static; do expect_name "$program" disk.img; done
	! ldd built/with-lkl-static | grep liblkl || die "it is not linked to the static library"
	;;
programs)
	image
	install_tree "$work/first"
	unit=$(find first -path '*user/lklfuse@.service')
	program=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$unit")
	[ "$program" = "$work/first/bin/lklfuse" ] || die "$unit starts $program"
	mv first second
	helper=$(find second -name mount.fuse.lkl)
	for program in second/bin/lkl second/bin/lklfuse "$helper"; do run "$program" --version; done
	for program in cptofs cpfromfs fs2tar; do run "second/bin/$program" --help; done
	expect_name second/bin/lkl cat disk.img /etc/hostname
	run second/bin/cpfromfs -t ext4 -i disk.img /etc/hostname .
	expect_name cat hostname
	for page in lkl lklfuse cptofs lkl-mount; do
		[ -e "second/share/man/man1/$page.1" ] || die "$page has no manual page"
	done
	if type man >/dev/null; then
		# man(1) looks beside the folders of PATH
		page=$(PATH=$work/second/bin:$PATH man -w lkl) || die "man lkl finds nothing"
		[ "$(realpath "$page")" = "$(realpath second/share/man/man1/lkl.1)" ] || die "man lkl finds $page"
	fi
	# the command runs lklfuse
	[ -w /dev/fuse ] || skip "all but mounting is right; that needs /dev/fuse"
	mkdir point
	second/bin/lkl mount disk.img point >"$work/log" 2>&1 || { cat "$work/log"; die "lkl mount"; }
	mounted=$work/point
	expect_name cat point/etc/hostname
	run second/bin/lkl umount point
	mounted=
	;;
python)
	image
	install_tree "$work/first"
	mv first second
	package=$(find second -path '*/lkl/__init__.py')
	PYTHONPATH=$(dirname "$(dirname "$package")") run "$PYTHON" -B "$SRC/examples/list_image.py" disk.img
	grep -qx ' *22 /etc/hostname' log || { cat log; die "it lists something else"; }
	;;
stripped)
	# files to use are small; what is for debuggers lies beside them, and is found from there
	image
	install_tree "$work/first"
	mv first second
	lib=$(libraries second)
	! readelf -SW "$lib/liblkl.a" | grep ' \.debug_info ' || die "liblkl.a is not stripped"
	files=("$lib"/liblkl.so.*.*.*[0-9])
	[ ! -e second/bin/lkl ] || files+=(second/bin/lkl second/bin/lklfuse)
	for file in "${files[@]}"; do
		! readelf -SW "$file" | grep ' \.debug_info ' || die "$file is not stripped"
		debug=$(dirname "$file")/.debug/$(basename "$file").debug
		readelf -SW "$debug" 2>/dev/null | grep ' \.debug_info ' >/dev/null || die "$debug has no debug information"
	done
	# a panic's backtrace has the kernel's functions by name all the same
	block=$(debugfs -R 'blocks /etc' disk.img 2>/dev/null)
	printf XXXX | dd of=disk.img bs=1 conv=notrunc status=none \
		seek=$((block * $(dumpe2fs -h disk.img 2>/dev/null | sed -n 's/^Block size: *//p') + 40))
	readme_program | sed '/print = NULL/d; s/NULL, point/"errors=panic", point/' >example.c
	run "$CC" example.c $(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --cflags --libs lkl) -Wl,-rpath,"$work/$lib"
	(ulimit -c 0; ! ./a.out disk.img >"$work/log" 2>&1) 2>/dev/null || { cat log; die "there is no panic"; }
	grep -q 'Call trace' log && grep -q ' ext4_[a-z_]*+0x' log || { cat log; die "the backtrace has no names"; }
	type gdb >/dev/null || skip "all but gdb's part is right; that needs gdb"
	gdb -nx -batch -iex 'set debuginfod enabled off' -ex 'info line lkl_strerror' "${files[0]}" >"$work/log" 2>&1
	grep -q 'Line [0-9]* of ".*host/api/error.cc"' log || { cat log; die "gdb finds no debug information"; }
	;;
*) die "no such case: $1" ;;
esac
echo "ok: $1"
