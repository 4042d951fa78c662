#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# dev.sh CASE - what tools/dev/demo and test have in common; see CMakeLists.txt for the environment
set -euo pipefail
. "$SRC/tools/dev/common.sh"

fail() { echo "FAILED: $*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work # what is remembered goes there
expect() { [ "$1" = "$2" ] || fail "it said '$1', not '$2'"; }

# A suite of our own, signed by a key of our own, for TOOL of tools/dev, which is get() then.
own_debian() { # TOOL
	local name
	tool=$1
	command -v gpg >/dev/null || { echo "skipped: gpg is not installed"; exit 77; }
	chmod 755 "$work" # for apt, which gets things as another user
	export GNUPGHOME=$work/keys XDG_CACHE_HOME=$work/cache LKL_DEBIAN_SUITE=some
	export LKL_DEBIAN_MIRROR=copy:$work/debian LKL_DEBIAN_KEYRING=$work/keyring
	mkdir -m 700 "$GNUPGHOME"
	for name in friend stranger; do
		gpg -q --batch --passphrase '' --quick-generate-key "$name" ed25519 sign 1d 2>/dev/null
	done
	gpg -q --export friend >"$LKL_DEBIAN_KEYRING"
}
get() { "$SRC/tools/dev/$tool" "$@" 2>"$work/err"; }
refuses() { # WORDS ARGUMENT
	! get "$2" >"$work/out" || fail "it accepted $2: $(cat "$work/out" "$work/err")"
	grep -qE "$1" "$work/err" || fail "it said $(cat "$work/err")"
}
# The suite's only index, a path below its folder.
sign() { # INDEX KEY
	local dist=$work/debian/dists/some
	printf 'Suite: some\nCodename: some\nComponents: main\nArchitectures: amd64\nDate: %s\nSHA256:\n %s %s %s\n' \
		"$(date -Ru)" "$(sha256sum "$dist/$1" | cut -d' ' -f1)" "$(stat -c %s "$dist/$1")" "$1" |
		gpg -q --batch -u "$2" --clearsign >"$dist/InRelease"
}

case "$1" in
progress)
	# A line comes while the command runs, which ends when it sees it.
	LKL_REPORT_SECONDS=1
	state() { echo "half of it, $(tail -n 1 "$1")"; }
	long state sh -c "echo begun; until grep -q 'half of it' '$work/out'; do sleep 0.1; done" >"$work/out"
	grep -qxE '   [0-9]+:[0-9]{2}  half of it, begun' "$work/out" || fail "it said $(cat "$work/out")"
	expect "$(cat "$log")" begun
	status=0
	long state sh -c 'echo why; exit 7' || status=$?
	expect "$status" 7
	expect "$(cat "$log")" why
	;;
state)
	preset=some objects=
	: >"$work/log"
	expect "$(ninja_state "$work/log")" "looking what has changed"
	echo '[3/212] Building CXX object tools/lkl/CMakeFiles/lkl-tool.dir/cmd/cp.cc.o' >>"$work/log"
	expect "$(ninja_state "$work/log")" "[3/212] compiling cp.cc"
	mkdir -p "$work/build/some/kernel/tree/build/fs"
	touch "$work/build/some/kernel/tree/build/fs/"{open.o,read.o,.open.o.cmd}
	printf '[4/212] Kernel: profile some of linux.tar.xz\nUnpacking linux.tar.xz\n' >>"$work/log"
	expect "$(ninja_state "$work/log")" "[4/212] Kernel: profile some of linux.tar.xz, 2 of unknown many objects"
	objects=1200
	expect "$(ninja_state "$work/log")" "[4/212] Kernel: profile some of linux.tar.xz, 2 of about 1200 objects"
	;;
remember)
	expect "$(recall nothing)" ""
	remember seconds 3725
	expect "$(minutes "$(recall seconds)")" 62:05
	;;
build)
	# A preset with a kernel is built, one that takes another's, and one that does not build.
	cat >"$work/CMakePresets.json" <<-'END'
		{"version": 3, "configurePresets": [
		  {"name": "own", "generator": "Ninja", "binaryDir": "${sourceDir}/build/own"},
		  {"name": "taken", "generator": "Ninja", "binaryDir": "${sourceDir}/build/taken"},
		  {"name": "bad", "generator": "Ninja", "binaryDir": "${sourceDir}/build/bad"}
		]}
	END
	cat >"$work/CMakeLists.txt" <<-'END'
		cmake_minimum_required(VERSION 3.20)
		project(some NONE)
		set(kernel ${CMAKE_BINARY_DIR}/kernel/tree/build)
		if(CMAKE_BINARY_DIR MATCHES own)
		  add_custom_target(all_of_it ALL COMMAND mkdir -p ${kernel} COMMAND touch ${kernel}/one.o COMMAND echo a warning)
		elseif(CMAKE_BINARY_DIR MATCHES bad)
		  add_custom_target(all_of_it ALL COMMAND false)
		else()
		  add_custom_target(all_of_it ALL COMMAND true)
		endif()
	END
	for preset in own taken bad; do
		# not as a condition: errexit would be off in it, and it is how demo and test run
		(set +e; (set -e; build $preset; echo "built") >"$work/out" 2>&1; echo $? >"$work/status")
		case $preset in
		own) grep -qx 'a warning' "$work/out" || fail "it hid: $(cat "$work/out")" ;;
		bad) grep -q 'building preset bad failed' "$work/out" || fail "it said $(cat "$work/out")" ;;
		esac
		expect "$preset $(cat "$work/status")" "$preset $([ $preset != bad ] && echo 0 || echo 1)"
	done
	expect "$(recall objects.own)" 1
	expect "$(recall objects.taken)" ""
	;;
kernel_source)
	# A suite of our own with one package, signed by a key of our own.
	own_debian kernel-source
	publish() { # VERSION KEY
		local dist=$work/debian/dists/some name file
		rm -rf "$work/debian" "$work/package"
		mkdir -p "$dist/main/binary-amd64" "$work/package/source/"{DEBIAN,usr/src} "$work/package/meta/DEBIAN"
		echo "source of $1" >"$work/package/source/usr/src/linux-source-9.9.tar.xz"
		printf 'Package: linux-source-9.9\nVersion: %s\nArchitecture: all\nMaintainer: nobody\nDescription: some\n' \
			"$1" >"$work/package/source/DEBIAN/control"
		printf 'Package: linux-source\nVersion: %s\nArchitecture: all\nDepends: linux-source-9.9\nMaintainer: nobody\nDescription: some\n' \
			"$1" >"$work/package/meta/DEBIAN/control"
		for name in source meta; do
			file=$name.deb
			dpkg-deb --root-owner-group -b "$work/package/$name" "$work/debian/$file" >/dev/null
			{ cat "$work/package/$name/DEBIAN/control"
			  echo "Filename: $file"
			  echo "Size: $(stat -c %s "$work/debian/$file")"
			  echo "SHA256: $(sha256sum "$work/debian/$file" | cut -d' ' -f1)"
			  echo; } >>"$dist/main/binary-amd64/Packages"
		done
		sign main/binary-amd64/Packages "$2"
	}

	publish 9.9.1-1 friend
	tarball=$(get newest) || fail "$(cat "$work/err")"
	expect "$tarball" "$work/cache/lkl/sources/linux-source-newest.tar.xz"
	expect "$(cat "$tarball")" "source of 9.9.1-1"
	expect "$(cat "$(get 9.9)")" "source of 9.9.1-1"
	refuses '8.8: neither .*some has: 9.9' 8.8
	refuses 'no version of Linux' ../etc
	# another version of the package, then one of somebody else, then none
	publish 9.9.2-1 friend
	expect "$(cat "$(get newest)")" "source of 9.9.2-1"
	publish 9.9.3-1 stranger
	refuses 'not signed by who' newest
	expect "$(cat "$tarball")" "source of 9.9.2-1"
	publish 9.9.4-1 friend
	printf x >>"$work/debian/source.deb"
	refuses 'could not be got' newest
	rm -rf "$work/debian"
	expect "$(cat "$(get newest)")" "source of 9.9.2-1"
	rm -rf "$work/cache"
	refuses 'is there a network' newest
	gpgconf --kill all
	;;
source_package)
	# A source of our own, in a suite signed by a key of our own.
	own_debian source-package
	publish() { # VERSION KEY
		local dist=$work/debian/dists/some name=some_$1 file
		rm -rf "$work/debian"
		mkdir -p "$dist/main/source"
		(mkdir -p "$work/content/some-$1/debian" && cd "$work/content" && echo "text of $1" >"some-$1/text" &&
			tar -czf "$work/debian/$name.tar.gz" "some-$1")
		file=$work/debian/$name.tar.gz
		printf 'Format: 3.0 (native)\nSource: some\nBinary: some\nArchitecture: all\nVersion: %s\nMaintainer: nobody <n@example.org>\nFiles:\n %s %s %s\nChecksums-Sha256:\n %s %s %s\n' \
			"$1" "$(md5sum <"$file" | cut -d' ' -f1)" "$(stat -c %s "$file")" "$name.tar.gz" \
			"$(sha256sum <"$file" | cut -d' ' -f1)" "$(stat -c %s "$file")" "$name.tar.gz" >"$work/debian/$name.dsc"
		sed 's/^Source:/Package:/; /^Files:/,$d' "$work/debian/$name.dsc" >"$dist/main/source/Sources"
		{ echo "Directory: ."
		  echo "Checksums-Sha256:"
		  for file in "$name.dsc" "$name.tar.gz"; do
			echo " $(sha256sum <"$work/debian/$file" | cut -d' ' -f1) $(stat -c %s "$work/debian/$file") $file"
		  done; } >>"$dist/main/source/Sources"
		sign main/source/Sources "$2"
	}

	publish 1.9 friend
	folder=$(get some) || fail "$(cat "$work/err")"
	expect "$folder" "$work/cache/lkl/sources/some"
	expect "$(cat "$folder/text")" "text of 1.9"
	refuses 'could not be asked' other
	refuses 'no name of a package' ../etc
	# a newer version, then what is not as it was signed, then one of somebody else, then none
	publish 1.10 friend
	expect "$(cat "$(get some)/text")" "text of 1.10"
	publish 1.11 friend
	printf x >>"$work/debian/some_1.11.tar.gz"
	refuses 'could not be got' some
	publish 1.12 stranger
	expect "$(cat "$(get some)/text")" "text of 1.10"
	grep -q 'newer than some 1.10' "$work/err" || fail "it said $(cat "$work/err")"
	rm -rf "$work/debian"
	expect "$(cat "$(get some)/text")" "text of 1.10"
	rm -rf "$work/cache"
	refuses 'is there a network' some
	gpgconf --kill all
	;;
*) fail "no such case: $1" ;;
esac
echo "ok: $1"
