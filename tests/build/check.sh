#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh CASE - see CMakeLists.txt for the environment
set -euo pipefail

die() { echo "FAILED: $*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the public headers declare, as the compiler sees it, is what is to be seen of the library.
declared() {
	printf '#include <lkl.h>\n#include <lkl_config.h>\n#include <lkl/compat5.h>\n' >"$work/all.c"
	"$CC" -fsyntax-only -aux-info "$work/aux" -I "$SRC/include" -I "$BUILD/api/include" "$work/all.c"
	grep -v '\*/ static ' "$work/aux" | grep -o '\blkl_[a-z0-9_]* (' | tr -d ' (' | cat - <(echo lkl_host_ops) | sort -u
}

expect_declared() { # what nm says
	awk '$NF !~ /^LKL_[0-9]*$/ { print $NF }' "$1" | sort -u >"$work/seen"
	declared >"$work/declared"
	diff "$work/declared" "$work/seen" >"$work/diff" ||
		die "declared in headers only (<), or visible only (>):
$(grep '^[<>]' "$work/diff")"
}

expect_boot() { # PROGRAM
	local out
	out=$("$1") || die "$1: exit status $?"
	[ "$out" = "pid 1, kmalloc of the application" ] || die "it said: $out"
}

install_tree() {
	DESTDIR= cmake --install "$BUILD" --prefix "$work/inst" >"$work/log" 2>&1 || { cat "$work/log"; die "cmake --install"; }
	for path in include/lkl.h include/lkl.hpp include/lkl/linux/fs.h bin/lkl; do
		[ -e "$work/inst/$path" ] || die "$path was not installed"
	done
}

case "$1" in
pipes)
	# grep -q and head end when they know, and with pipefail it is a failure that the other side of the
	# pipe had more to say: now and then.
	early='^[^#]*[^|]\|[[:space:]]*(grep -[a-zA-Z]*q|head |sed [^|]*q[;}'"'"'"])'
	grep -rlE '^set -[a-z]*o pipefail' "$SRC/tests" "$SRC/tools" >"$work/scripts"
	echo "$SRC/tools/dev/common.sh" >>"$work/scripts" # part of others
	echo "readelf -S x |" "grep -q y" >"$work/planted"
	grep -qE "$early" "$work/planted" || die "a planted one is not found"
	xargs grep -nE "$early" <"$work/scripts" >"$work/found" || true
	! [ -s "$work/found" ] || die "these may fail without a reason:
$(cat "$work/found")"
	;;
symbols_shared)
	nm -D --defined-only "$SHARED" | sed 's/@.*//' >"$work/nm"
	expect_declared "$work/nm"
	readelf -d "$SHARED" | grep 'SONAME.*liblkl.so.0' >/dev/null || die "no versioned soname"
	! readelf -d "$SHARED" | grep TEXTREL >/dev/null || die "text relocations"
	readelf -lW "$SHARED" | grep GNU_STACK | grep -v RWE >/dev/null || die "executable stack"
	;;
symbols_static)
	nm --defined-only -g "$STATIC" | awk 'NF == 3' >"$work/nm"
	expect_declared "$work/nm"
	;;
clash)
	# names of the kernel are free for the application
	"$CC" -c -I "$SRC/include" -I "$BUILD/api/include" "$HERE/project/app.c" -o "$work/app.o"
	"$CXX" "$work/app.o" "$STATIC" $PRIVATE_LIBS -z noexecstack -o "$work/app"
	expect_boot "$work/app"
	;;
shared_kernel)
	# A kernel that is shared is the same for all, also when the owner changes what it has.
	configure() { # FOLDER PROFILE [OPTION]
		cmake -S "$SRC" -B "$work/$1" -DLKL_PROFILE="$2" -DBUILD_TESTING=OFF -DLKL_BUILD_TOOLS=OFF -DLKL_BUILD_PYTHON=OFF \
			${3:+"$3"} >"$work/log" 2>&1
	}
	shared=-DLKL_KERNEL_BUILD_DIR=$work/owner/kernel
	configure owner minimal || { cat "$work/log"; die "cmake"; }
	configure same minimal "$shared" || { cat "$work/log"; die "the same profile is refused"; }
	! configure other debug "$shared" || die "a kernel of profile minimal is taken for one of debug"
	tr -s ' \n' ' ' <"$work/log" | grep "LKL_KERNEL_BUILD_DIR=$work/owner/kernel: the kernel there is another" >/dev/null || { cat "$work/log"; die "no reason"; }
	configure owner debug || { cat "$work/log"; die "the owner may not change its profile"; }
	! configure same minimal "$shared" || die "the owner's new profile is not seen"
	;;
install_cmake)
	install_tree
	cmake -S "$HERE/project" -B "$work/b" -DCMAKE_PREFIX_PATH="$work/inst" >"$work/log" 2>&1 &&
		cmake --build "$work/b" >>"$work/log" 2>&1 || { cat "$work/log"; die "the external project does not build"; }
	for program in app app-static app-cxx; do expect_boot "$work/b/$program"; done
	;;
install_pkgconfig)
	install_tree
	pc=$(dirname "$(find "$work/inst" -name lkl.pc)")
	export PKG_CONFIG_PATH=$pc
	"$CC" "$HERE/project/app.c" $(pkg-config --cflags --libs lkl) -Wl,-rpath,"$(dirname "$pc")" -o "$work/app"
	expect_boot "$work/app"
	"$CC" "$HERE/project/app.c" $(pkg-config --cflags lkl) -L"$(dirname "$pc")" -Wl,-Bstatic -llkl -Wl,-Bdynamic \
		$(pkg-config --static --libs-only-l lkl | sed 's/-llkl//') -z noexecstack -o "$work/app-static"
	expect_boot "$work/app-static"
	;;
manual)
	install_tree
	# each function of the headers has its page, and each page is one that man(1) does not stumble over
	declared | while read -r name; do
		case $name in lkl_sys_* | *_5) continue ;; esac
		page=$work/inst/share/man/man3/$name.3
		[ -s "$page" ] || die "$name has no page"
	done
	[ -s "$work/inst/share/man/man3/lkl_sys_halt.3" ] || die "lkl_sys_halt has no page"
	# lkl(1) lists the commands
	for page in "$work"/inst/share/man/man1/lkl-*.1; do
		name=$(basename "$page" .1)
		grep -qx ".It Xr $name 1" "$work/inst/share/man/man1/lkl.1" || die "lkl(1) does not list $name"
	done
	type groff >/dev/null || { echo "not tried: groff, which would read them"; exit 0; }
	for page in "$work"/inst/share/man/man[13]/*; do
		groff -mandoc -ww -Tutf8 -z "$page" 2>"$work/log" && [ ! -s "$work/log" ] || { cat "$work/log"; die "$page"; }
	done
	;;
*) die "no such case: $1" ;;
esac
echo "ok: $1"
