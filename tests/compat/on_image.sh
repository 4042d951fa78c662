#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on_image.sh PROGRAM - runs it with an empty ext4 image and a folder to copy; then looks for
# errors in the image
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

type mkfs.ext4 e2fsck >/dev/null || { echo "skipped: needs mkfs.ext4 and e2fsck (e2fsprogs)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/folder/sub/deeper"
head -c 100000 /dev/urandom >"$work/folder/large"
: >"$work/folder/sub/empty"
echo text >"$work/folder/sub/deeper/small"
ln -s deeper/small "$work/folder/sub/link"
chmod 1711 "$work/folder/sub"
touch -h -d 2001-02-03T04:05:06.123456789 "$work/folder/sub/link" "$work/folder/large" "$work/folder/sub/deeper"
truncate -s 32M "$work/image"
mkfs.ext4 -q "$work/image"

"$1" "$work/image" "$work/folder"
e2fsck -fn "$work/image" >"$work/log" 2>&1 || { cat "$work/log"; echo "FAILED: the image is damaged"; exit 1; }
