#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""make_old_image.py TYPE IMAGE [TREE] - file systems that Debian has no mkfs of

affs is made without files. efs, qnx4 and sysv have those of TREE, whose folders have no folders in them."""
import os
import struct
import sys

MODE_DIR, MODE_FILE = 0o40755, 0o100644
TIME = 1_000_000_000


def padded(data, size):
    return data + bytes(-len(data) % size)


class Image:
    """Blocks that are handed out one after the other."""

    def __init__(self, block, first):
        self.block, self.next, self.data = block, first, bytearray()

    def put(self, number, data, offset=0):
        at = number * self.block + offset
        self.data.extend(bytes(max(0, at + len(data) - len(self.data))))
        self.data[at : at + len(data)] = data

    def take(self, count):
        self.next += count
        return self.next - count

    def add(self, data):
        """The first of the blocks that have it now, and how many they are."""
        data = padded(data, self.block)
        count = len(data) // self.block
        first = self.take(count)
        self.put(first, data)
        return first, count

    def write(self, path, blocks):
        self.data.extend(bytes(blocks * self.block - len(self.data)))
        with open(path, "wb") as file:
            file.write(self.data)


def files_of(folder):
    """(name, content) or (name, [such ones])"""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir():
            yield entry.name, list(files_of(entry.path))
        else:
            with open(entry.path, "rb") as file:
                yield entry.name, file.read()


def affs(path, tree):
    """A floppy disk of 880 KiB by FFS: all numbers big-endian, the words of a block add up to 0."""
    blocks, root = 1760, 880

    def summed(block, at):
        total = sum(struct.unpack(">128I", block)) & 0xFFFFFFFF
        struct.pack_into(">I", block, at, -total & 0xFFFFFFFF)
        return block

    image = Image(512, 2)
    image.put(0, b"DOS\1")
    head = bytearray(512)
    struct.pack_into(">4I", head, 0, 2, 0, 0, 72)  # a short block, of so many places for names
    struct.pack_into(">iI", head, 312, -1, root + 1)  # the bitmap is right, and there
    head[432:437] = b"\4disk"
    struct.pack_into(">I", head, 508, 1)  # the root
    image.put(root, summed(head, 20))
    free = bytearray(512)
    for block in range(2, blocks):
        if block not in (root, root + 1):
            word = 4 + (block - 2) // 32 * 4
            old = struct.unpack_from(">I", free, word)[0]
            struct.pack_into(">I", free, word, old | 1 << (block - 2) % 32)
    image.put(root + 1, summed(free, 0))
    image.write(path, blocks)


def efs(path, tree):
    """Of IRIX, big-endian: one group of cylinders, four inodes to a block, the root is inode 2."""
    first_group, inode_blocks, blocks = 2, 4, 2048
    image = Image(512, first_group + inode_blocks)
    inodes = 2

    def inode(number, mode, data):
        first, count = image.add(data)
        extents = b""
        for offset in range(0, count, 200):
            extents += struct.pack(">II", first + offset, min(200, count - offset) << 24 | offset)
        image.put(first_group + number // 4,
                  struct.pack(">4H5IHBB", mode, 2 if mode == MODE_DIR else 1, 0, 0, len(data), TIME, TIME, TIME, 0,
                              len(extents) // 8, 0, 0) + extents, number % 4 * 128)

    def add(content, number, parent):
        nonlocal inodes
        if isinstance(content, bytes):
            return inode(number, MODE_FILE, content)
        names = [(".", number), ("..", parent)]
        for name, below in content:
            inodes += 1
            names.append((name, inodes))
            add(below, inodes, number)
        block, slots, at = bytearray(512), b"", 512
        for name, target in names:
            entry = struct.pack(">IB", target, len(name)) + name.encode()
            at -= len(entry) + len(entry) % 2
            block[at : at + len(entry)] = entry
            slots += bytes([at // 2])
        block[: 4 + len(slots)] = struct.pack(">HBB", 0xBEEF, at // 2, len(slots)) + slots
        return inode(number, MODE_DIR, bytes(block))

    add(list(files_of(tree)), 2, 2)
    image.put(1, struct.pack(">3I5H2xII6s6sII", blocks, first_group, blocks - first_group, inode_blocks, 1, 1, 1, 0,
                             TIME, 0x72959, b"name", b"pack", 0, 0))
    image.write(path, blocks)


def qnx4(path, tree):
    """An inode is its name's entry, and blocks have numbers from 1 on."""
    blocks = 2048
    image = Image(512, 2)

    def entry(name, mode, size, first, count):
        return struct.pack("<16s3I5I5H4xBB", name.encode(), size, first + 1, count, 0, TIME, TIME, TIME, TIME, 1, mode,
                           0, 0, 2 if mode == MODE_DIR else 1, 0, 1)

    def add(name, content):
        if isinstance(content, bytes):
            return entry(name, MODE_FILE, len(content), *image.add(content))
        below = b"".join(add(*one) for one in content)
        if name == "/":
            below += entry(".bitmap", MODE_FILE, blocks // 8, *image.add(bytes(blocks // 8)))
        below = padded(below, 512)
        return entry(name, MODE_DIR, len(below), *image.add(below))

    image.put(1, add("/", list(files_of(tree))))
    image.write(path, blocks)


def sysv(path, tree):
    """Of System V release 4 on a PC: blocks of 1024 bytes, sixteen inodes to each, the root is inode 2."""
    inode_blocks, blocks = 4, 1024
    data_at = 2 + inode_blocks
    image = Image(1024, data_at)
    inodes = 2

    def inode(number, mode, data):
        first, count = image.add(data)
        places = list(range(first, first + count))
        words = places[:10] + [0] * (13 - min(10, count))
        if count > 10:
            words[10] = image.add(b"".join(struct.pack("<I", place) for place in places[10:]))[0]
        addresses = b"".join(struct.pack("<I", word)[:3] for word in words[:13])
        image.put(2 + (number - 1) // 16,
                  struct.pack("<4HI39sx3I", mode, 2 if mode == MODE_DIR else 1, 0, 0, len(data), addresses, TIME, TIME,
                              TIME), (number - 1) % 16 * 64)

    def add(content, number, parent):
        nonlocal inodes
        if isinstance(content, bytes):
            return inode(number, MODE_FILE, content)
        entries = struct.pack("<H14sH14s", number, b".", parent, b"..")
        for name, below in content:
            inodes += 1
            entries += struct.pack("<H14s", inodes, name.encode())
            add(below, inodes, number)
        return inode(number, MODE_DIR, entries)

    add(list(files_of(tree)), 2, 2)
    free = [0] + [image.take(1) for _ in range(19)]  # the end of the list is the first
    image.put(0, struct.pack("<H2xIH2x20I120xH2x200x4xI8xIH2x12s48xIII", data_at, blocks, len(free), *free, 0, TIME, 19,
                             64 - inodes, b"name", 0x7C269D38 - TIME, 0xFD187E20, 2), 512)
    image.write(path, blocks)


if __name__ == "__main__":
    {"affs": affs, "efs": efs, "qnx4": qnx4, "sysv": sysv}[sys.argv[1]](sys.argv[2], (sys.argv + [None])[3])
