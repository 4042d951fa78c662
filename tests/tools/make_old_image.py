#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""make_old_image.py TYPE IMAGE [TREE] - file systems that Debian has no mkfs of

affs and omfs are made without files. The others have those of TREE, whose folders have no folders in them."""
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


def add_numbered(tree, root, inode, folder):
    """Calls inode(number, mode, data) for all of the tree; folder(names) is the data of a folder that has these (name,
    number). The last number."""
    last = root

    def add(content, number, parent):
        nonlocal last
        if isinstance(content, bytes):
            return inode(number, MODE_FILE, content)
        names = [(".", number), ("..", parent)]
        for name, below in content:
            last += 1
            names.append((name, last))
            add(below, last, number)
        return inode(number, MODE_DIR, folder(names))

    add(list(files_of(tree)), root, root)
    return last


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

    def inode(number, mode, data):
        first, count = image.add(data)
        extents = b""
        for offset in range(0, count, 200):
            extents += struct.pack(">II", first + offset, min(200, count - offset) << 24 | offset)
        image.put(first_group + number // 4,
                  struct.pack(">4H5IHBB", mode, 2 if mode == MODE_DIR else 1, 0, 0, len(data), TIME, TIME, TIME, 0,
                              len(extents) // 8, 0, 0) + extents, number % 4 * 128)

    def folder(names):
        block, slots, at = bytearray(512), b"", 512
        for name, target in names:
            entry = struct.pack(">IB", target, len(name)) + name.encode()
            at -= len(entry) + len(entry) % 2
            block[at : at + len(entry)] = entry
            slots += bytes([at // 2])
        block[: 4 + len(slots)] = struct.pack(">HBB", 0xBEEF, at // 2, len(slots)) + slots
        return bytes(block)

    add_numbered(tree, 2, inode, folder)
    image.put(1, struct.pack(">3I5H2xII6s6sII", blocks, first_group, blocks - first_group, inode_blocks, 1, 1, 1, 0,
                             TIME, 0x72959, b"name", b"pack", 0, 0))
    image.write(path, blocks)


def omfs(path, tree):
    """Of the Rio Karma, big-endian. What is not there is all ones; headers have no sums before the kernel writes."""
    size, blocks, root_block, bitmap, root = 2048, 1024, 1, 2, 3
    image = Image(size, root + 1)
    image.put(0, struct.pack(">256xQQ4I", root_block, blocks, 0xC2993D87, size, 1, size))
    image.put(root_block, struct.pack(">QI4xBBBx4x8xQQQIIQ", root_block, size - 24, 1, ord("s"), 0xD2, blocks, root,
                                      bitmap, size, 1, 1) + b"name")
    image.put(bitmap, bytes([(1 << root + 1) - 1]))
    image.put(root, struct.pack(">QI4xBBBx4xqqQ35xc", root, size - 24, 1, ord("e"), 0xD2, -1, -1, TIME * 1000, b"D"))
    image.put(root, b"\xff" * (size - 0x1B8), 0x1B8)  # where names would be
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


def qnx6(path, tree):
    """Little-endian, a superblock at either end; blocks have numbers from behind the first one on."""
    size, blocks, before = 1024, 1024, 12
    table_blocks = 2
    image = Image(size, before + table_blocks)
    table = bytearray(table_blocks * size)

    def numbers(first, count):
        return [first - before + i for i in range(count)]

    def pointers(places):
        return struct.pack("<16I", *places, *[0xFFFFFFFF] * (16 - len(places)))

    def inode(number, mode, data):
        places, levels = numbers(*image.add(data)), 0
        if len(places) > 16:
            table_of = b"".join(struct.pack("<I", place) for place in places)
            places, levels = numbers(*image.add(table_of)), 1
        at = (number - 1) * 128
        table[at : at + 128] = struct.pack("<Q6I2H64sBB26x", len(data), 0, 0, TIME, TIME, TIME, TIME, mode, 0,
                                           pointers(places), levels, 1 if mode == MODE_DIR else 3)

    def folder(names):
        entries = b"".join(struct.pack("<IB27s", target, len(name), name.encode()) for name, target in names)
        return padded(entries, size)

    def sum_of(data):
        value = 0
        for byte in data:
            value ^= byte << 24
            for _ in range(8):
                value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        return value

    add_numbered(tree, 1, inode, folder)
    image.put(before, bytes(table))
    nothing = struct.pack("<Q", 0) + pointers([]) + bytes(8)
    words = struct.pack("<QIII2H16x6I", 1, TIME, TIME, 0, 3, 3, size, table_blocks * size // 128, 0, blocks, 0, 0)
    words += struct.pack("<Q", len(table)) + pointers(numbers(before, table_blocks)) + bytes(8) + 3 * nothing
    words = words.ljust(504, b"\0")
    superblock = struct.pack("<II", 0x68191122, sum_of(words)) + words
    image.put(8, superblock)
    image.put(before + blocks, superblock)
    image.write(path, before + blocks + 4)


def sysv(path, tree):
    """Of System V release 4 on a PC: blocks of 1024 bytes, sixteen inodes to each, the root is inode 2."""
    inode_blocks, blocks = 4, 1024
    data_at = 2 + inode_blocks
    image = Image(1024, data_at)

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

    def folder(names):
        return b"".join(struct.pack("<H14s", number, name.encode()) for name, number in names)

    inodes = add_numbered(tree, 2, inode, folder)
    free = [0] + [image.take(1) for _ in range(19)]  # the end of the list is the first
    image.put(0, struct.pack("<H2xIH2x20I120xH2x200x4xI8xIH2x12s48xIII", data_at, blocks, len(free), *free, 0, TIME, 19,
                             64 - inodes, b"name", 0x7C269D38 - TIME, 0xFD187E20, 2), 512)
    image.write(path, blocks)


if __name__ == "__main__":
    makers = {maker.__name__: maker for maker in (affs, efs, omfs, qnx4, qnx6, sysv)}
    makers[sys.argv[1]](sys.argv[2], (sys.argv + [None])[3])
