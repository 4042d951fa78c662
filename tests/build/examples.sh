#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# examples.sh NAME - runs one of examples/; see CMakeLists.txt for the environment
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

die() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

image() {
	type mkfs.ext4 >/dev/null || skip "needs mkfs.ext4 (e2fsprogs)"
	mkdir -p root/etc
	echo "the name of this host" >root/etc/hostname
	echo 123456789 >root/numbers
	truncate -s 16M disk.img
	mkfs.ext4 -q -d root disk.img
	sha256sum disk.img >before
}
unchanged() { sha256sum --quiet -c before || die "the image has changed"; }

expect() { # OUTPUT ARGUMENT...
	local out expected=$1
	shift
	out=$("$EXAMPLES/$name" "$@" 2>err) || { cat err; die "$name $*: exit status $?"; }
	[ "$out" = "$expected" ] || die "$name $* said: $out"
}

refuses() { # MESSAGE ARGUMENT...: fails, and says why
	local message=$1
	shift
	! "$EXAMPLES/$name" "$@" >out 2>err || die "$name $* does not fail"
	grep -q "$message" err || die "$name $* said: $(cat err)"
}

name=$1
case "$name" in
cat)
	image
	expect "the name of this host" disk.img
	unchanged
	refuses "Bad file" missing.img
	# README.md has this program
	awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$SRC/README.md" >readme.c
	diff "$SRC/examples/cat.c" readme.c || die "README.md has another program"
	;;
write)
	image
	expect "new: 10 bytes" disk.img new "some words"
	[ "$(debugfs -R 'cat /new' disk.img 2>/dev/null)" = "some words" ] || die "the image has it not"
	e2fsck -fn disk.img >fsck 2>&1 || { cat fsck; die "e2fsck -fn"; }
	refuses "No such file" disk.img no/such words
	;;
own_disk)
	image
	expect "read, written, flushed" disk.img
	unchanged
	;;
fork) expect "0 of 2 tests failed" ;;
echo) expect "heard, and said again" "heard, and said again" ;;
wireguard) expect "heard: for nobody else" "for nobody else" ;;
list)
	image
	"$EXAMPLES/list" disk.img | sort >out
	grep -qx '      10 numbers' out && grep -q ' etc$' out && grep -q ' lost+found$' out && [ "$(wc -l <out)" = 3 ] ||
		die "list said: $(cat out)"
	unchanged
	refuses "missing.img: No such file" missing.img
	;;
*) die "no such example: $name" ;;
esac
echo "ok: $name"
