#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packages.sh - what cpack makes, as Debian's own programs and a bare root folder see it; see
# CMakeLists.txt for the environment
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin
unset PKG_CONFIG_PATH LD_LIBRARY_PATH DESTDIR

die() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*"; exit 77; }
run() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; die "$*"; }; }
for program in dpkg-deb dpkg-shlibdeps mkfs.ext4 file; do
	type "$program" >/dev/null || skip "needs $program (dpkg, dpkg-dev, e2fsprogs, file)"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# uncompressed: what is in them counts here
run cpack --config "$BUILD/CPackConfig.cmake" -B made -D CPACK_DEBIAN_COMPRESSION_TYPE=none
rm -r made/_CPack_Packages
version=$(dpkg-deb -f made/liblkl0_*.deb Version)
architecture=$(dpkg --print-architecture)
for package in $PACKAGES; do
	deb=made/${package}_${version}_$architecture.deb
	[ -e "$deb" ] || die "there is no $deb: $(ls made)"
	[ "$(dpkg-deb -f "$deb" Package)" = "$package" ] || die "$deb is another package"
	dpkg-deb -c "$deb" >"$package.files"
	dpkg-deb -x "$deb" root
done
[ "$(ls made | wc -w)" = "$(wc -w <<<"$PACKAGES")" ] || die "made were: $(ls made)"

field() { dpkg-deb -f "made/$1_${version}_$architecture.deb" "$2"; }
has() { # PACKAGE PATH...
	local path package=$1
	shift
	for path; do
		grep -q " \./$path\( -> .*\)\?$" "$package.files" || die "$package has no $path"
	done
}
depends() { # PACKAGE FIELD PATTERN...
	local pattern package=$1 field=$2 is
	shift 2
	is=$(field "$package" "$field")
	for pattern; do
		grep -qE "(^|, )$pattern(,|$)" <<<"$is" || die "$package: $field has no $pattern: $is"
	done
}

# who owns what; where it lies
lib=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
has liblkl0 "$lib/liblkl.so.0" "$lib/liblkl.so.$version" "usr/share/gdb/auto-load/$lib/liblkl.so.$version-gdb.py"
has liblkl-dev usr/include/lkl.h usr/include/lkl.hpp usr/include/lkl/linux/fs.h "$lib/liblkl.so" "$lib/liblkl.a" \
	"$lib/pkgconfig/lkl.pc" "$lib/cmake/lkl/lklConfig.cmake" usr/share/man/man3/lkl_init.3.gz
has lkl-tools usr/bin/lkl usr/bin/lklfuse usr/bin/cptofs usr/bin/cpfromfs usr/bin/fs2tar usr/sbin/mount.fuse.lkl \
	usr/share/man/man1/lkl.1.gz usr/share/man/man1/lklfuse.1.gz usr/share/bash-completion/completions/lkl \
	usr/lib/systemd/user/lklfuse@.service usr/lib/lkl/liblkl-packetdrill.so usr/lib/lkl/liblkl-hijack.so \
	usr/lib/lkl/liblkl-opens.so
case " $PACKAGES " in
*" python3-lkl "*) python=usr/lib/python3/dist-packages/lkl ;;
*) python= ;;
esac
[ -z "$python" ] || has python3-lkl "$python/__init__.py" "$python/_native.abi3.so" "$python/py.typed"
for package in $PACKAGES; do
	has "$package" "usr/share/doc/$package/copyright" "usr/share/doc/$package/changelog.gz"
	! grep -v ' \./usr/' "$package.files" || die "$package has files elsewhere"
	! grep -vE '^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x|lrwxrwxrwx) root/root ' "$package.files" ||
		die "$package has other rights or owners"
	sed -n 's/.* \(\.\/[^ ]*[^/ ]\)\( -> .*\)\?$/\1/p' "$package.files" >>all
done
[ -z "$(sort all | uniq -d)" ] || die "in two packages: $(sort all | uniq -d)"
grep -q '^ExecStart=/usr/bin/lklfuse ' root/usr/lib/systemd/user/lklfuse@.service || die "the unit starts another program"

# what they need
depends liblkl0 Depends 'libc6 \(>= [0-9.]+\)' 'libstdc\+\+6 \(>= [0-9.]+\)'
depends liblkl-dev Depends "liblkl0 \(= $version\)"
depends lkl-tools Depends "liblkl0 \(= $version\)" 'libfuse3-3 \(>= [0-9.]+\)' 'libarchive13 \(>= [0-9.]+\)'
[ -z "$python" ] || depends python3-lkl Depends "liblkl0 \(= $version\)" 'python3 \(>= [0-9.]+\)' python3-cffi-backend
depends lkl-tools Recommends fuse3 qemu-utils libcryptsetup12
depends lkl-tools Suggests nbdkit libvirt0
for package in $PACKAGES; do
	for name in Maintainer Section Description; do
		[ -n "$(field "$package" "$name")" ] || die "$package has no $name"
	done
done
dpkg-deb --ctrl-tarfile made/liblkl0_*.deb >control.tar
tar -xOf control.tar ./triggers | grep -x 'activate-noawait ldconfig' >/dev/null || die "no ldconfig"
tar -xOf control.tar ./shlibs | grep -x "liblkl 0 liblkl0 (>= $version)" >/dev/null || die "other packages cannot depend on it"

# names of functions stay, for backtraces; lines and types are in the package for debuggers
for file in "$lib/liblkl.so.$version" usr/bin/lkl usr/bin/lklfuse usr/lib/lkl/liblkl-packetdrill.so usr/lib/lkl/liblkl-hijack.so usr/lib/lkl/liblkl-opens.so ${python:+"$python/_native.abi3.so"}; do
	readelf -SW "root/$file" >sections
	grep -q ' \.symtab ' sections || die "$file has no names"
	! grep ' \.debug_info ' sections || die "$file is not stripped"
	! readelf -dW "root/$file" | grep -E 'RPATH|RUNPATH' || die "$file says where its libraries are"
	id=$(readelf -n "root/$file" | sed -n 's/ *Build ID: //p')
	debug=usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
	has lkl-dbgsym "$debug"
	readelf -SW "root/$debug" 2>/dev/null | grep ' \.debug_info ' >/dev/null || die "$debug has no debug information"
done
! readelf -SW "root/$lib/liblkl.a" | grep ' \.debug_info ' || die "liblkl.a is not stripped"

# Programs are built against them, ...
mkdir -p tree/etc project
echo "the name of this host" >tree/etc/hostname
truncate -s 16M disk.img
run mkfs.ext4 -q -d tree disk.img
run env PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_LIBDIR="$work/root/$lib/pkgconfig" \
	pkg-config --cflags --libs lkl
run "$CC" -Wall -Werror "$SRC/examples/cat.c" $(cat log) -o root/usr/bin/example
cat >project/CMakeLists.txt <<-'END'
	cmake_minimum_required(VERSION 3.20)
	project(example LANGUAGES C)
	find_package(lkl 0.1 REQUIRED)
	get_target_property(file lkl::lkl IMPORTED_LOCATION_RELWITHDEBINFO)
	file(WRITE ${CMAKE_BINARY_DIR}/file ${file})
END
run cmake -S project -B built -DCMAKE_PREFIX_PATH="$work/root/usr" --no-warn-unused-cli
[ "$(realpath "$(cat built/file)")" = "$work/root/$lib/liblkl.so.$version" ] || die "CMake finds $(cat built/file)"

# ... and debuggers find what there is to know of them, ...
if type gdb >/dev/null; then
	gdb -nx -batch -iex 'set debuginfod enabled off' -iex "set debug-file-directory $work/root/usr/lib/debug" \
		-ex 'info line lkl_strerror' "root/$lib/liblkl.so.$version" >log 2>&1
	grep -q 'Line [0-9]* of ".*host/api/error.cc"' log || { cat log; die "gdb finds no debug information"; }
else
	echo "not tried: gdb"
fi

# ... and all runs where nothing is but the packages, and the libraries of the host that they name.
LD_LIBRARY_PATH=$work/root/$lib ldd root/usr/bin/lkl root/usr/bin/lklfuse root/usr/bin/example |
	sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/lib64[^ ]*\) .*/\1/p' | grep -v "^$work" | sort -u >libraries
cp -L --parents $(cat libraries) root
mkdir root/etc
cp disk.img root
run ldconfig -r root
in_root=(chroot root)
[ "$(id -u)" = 0 ] || in_root=(unshare --map-root-user chroot root)
"${in_root[@]}" /usr/bin/lkl --version >/dev/null 2>log || {
	[ "$(id -u)" = 0 ] || skip "all but running is right; that needs root, or user namespaces: $(cat log)"
	cat log
	die "lkl --version"
}
expect_name() {
	local out
	out=$("${in_root[@]}" "$@" 2>log) || { cat log; die "$*: exit status $?"; }
	[ "$out" = "the name of this host" ] || die "$* said: $out"
}
run "${in_root[@]}" /usr/sbin/mount.fuse.lkl --version
expect_name /usr/bin/lkl cat disk.img /etc/hostname
expect_name /usr/bin/example disk.img

# Python itself is the host's
[ -z "$python" ] || LD_LIBRARY_PATH=root/$lib PYTHONPATH=root/${python%/*} run "$PYTHON" -B "$SRC/examples/list_image.py" disk.img
[ -z "$python" ] || grep -qx ' *22 /etc/hostname' log || { cat log; die "the Python package lists something else"; }
echo ok
