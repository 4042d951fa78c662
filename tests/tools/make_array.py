#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Members of an md array, without a kernel: superblocks by the documented format (mdadm --examine
judges them), contents by the layouts of the levels.

    make_array.py make LEVEL VERSION NAME CONTENTS MEMBER...
    make_array.py read LEVEL VERSION SIZE MEMBER...    contents to standard output; fails if the
                                                       redundancy does not agree

LEVEL is linear, 0, 1, 4, 5, 6 or 10; VERSION 0.90, 1.0, 1.1 or 1.2.
"""
import functools
import hashlib
import operator
import struct
import sys

CHUNK = 64 << 10
SECTOR = 512
MAGIC = 0xA92B4EFC


def times_two(data):
    """Each byte multiplied by 2 in GF(256) of RAID 6."""
    return bytes(((b << 1) ^ (0x1D if b & 0x80 else 0)) & 0xFF for b in data)


def xor(blocks):
    number = functools.reduce(operator.xor, (int.from_bytes(b, "little") for b in blocks))
    return number.to_bytes(CHUNK, "little")


def syndrome(blocks):
    result = bytes(CHUNK)
    for block in reversed(blocks):
        result = xor([times_two(result), block])
    return result


def data_disks(level, disks):
    return {"4": disks - 1, "5": disks - 1, "6": disks - 2}.get(level, disks)


def rows_of(level, disks, chunks):
    """Yields for each row of the array a list: per disk ("data", chunk), ("p",) or ("q",)."""
    if level == "linear":
        each = -(-chunks // disks)
        for row in range(each):
            yield [("data", disk * each + row) for disk in range(disks)]
        return
    if level == "1":
        for chunk in range(chunks):
            yield [("data", chunk)] * disks
        return
    if level == "10":
        row = []
        for chunk in range(chunks):
            for _ in range(2):
                row.append(("data", chunk))
                if len(row) == disks:
                    yield row
                    row = []
        if row:
            yield row + [None] * (disks - len(row))
        return
    width = data_disks(level, disks)
    for number in range(-(-chunks // width)):
        row = [None] * disks
        first = number * width
        if level == "0":
            row = [("data", first + i) for i in range(disks)]
        elif level == "4":
            row = [("data", first + i) for i in range(width)] + [("p",)]
        else:  # left-symmetric
            parity = disks - 1 - number % disks
            row[parity] = ("p",)
            start = parity + 1
            if level == "6":
                row[start % disks] = ("q",)
                start += 1
            for i in range(width):
                row[(start + i) % disks] = ("data", first + i)
        yield row


def sum_words(block):
    """The checksum: 32-bit words, folded once."""
    total = sum(struct.unpack(f"<{len(block) // 4}I", block[: len(block) // 4 * 4]))
    if len(block) % 4:
        total += struct.unpack_from("<H", block, len(block) // 4 * 4)[0]
    return ((total & 0xFFFFFFFF) + (total >> 32)) & 0xFFFFFFFF


def data_offset(version):
    return 1 << 20 if version in ("1.1", "1.2") else 0


def superblock_offset(version, size):
    if version == "0.90":
        return size // 65536 * 65536 - 65536
    if version == "1.0":
        return (size // SECTOR - 16) // 8 * 8 * SECTOR
    return 0 if version == "1.1" else 4096


def superblock(level, version, name, disks, number, data_size, offset):
    uuid = hashlib.md5(name.encode()).digest()
    level_number = -1 if level == "linear" else int(level)
    layout = {"5": 2, "6": 2, "10": 0x102}.get(level, 0)
    chunk = 0 if level == "1" else CHUNK
    if version == "0.90":
        words = [0] * 1024
        ids = struct.unpack("<4I", uuid)
        words[0:12] = [MAGIC, 0, 90, 0, 0, ids[0], 1700000000, level_number & 0xFFFFFFFF,
                       data_size // 1024, disks, disks, int(name.rsplit(":")[-1])]
        words[13:16] = ids[1:]
        words[32:38] = [1700000000, 1, disks, disks, 0, 0]
        words[39] = 5  # events
        words[41] = 5
        words[43] = 0xFFFFFFFF  # nothing to be recovered
        words[64:66] = [layout, chunk]
        for i in range(disks):
            words[128 + i * 32 : 128 + i * 32 + 5] = [i, 0, 0, i, 6]
        words[992:997] = [number, 0, 0, number, 6]
        words[38] = sum_words(struct.pack("<1024I", *words))
        return struct.pack("<1024I", *words)
    roles = 128
    block = bytearray(256 + 2 * roles)
    struct.pack_into("<IIII16s32s", block, 0, MAGIC, 1, 0, 0, uuid, name.encode())
    struct.pack_into("<QiIQII", block, 64, 1700000000, level_number, layout,
                     0 if level in ("0", "linear") else data_size // SECTOR, chunk // SECTOR, disks)
    struct.pack_into("<QQQQ", block, 128, data_offset(version) // SECTOR, data_size // SECTOR,
                     offset // SECTOR, 0xFFFFFFFFFFFFFFFF)
    struct.pack_into("<II16s", block, 160, number, 0, hashlib.md5(bytes([number])).digest())
    struct.pack_into("<QQQII", block, 192, 1700000000, 5, 0xFFFFFFFFFFFFFFFF, 0, roles)
    for i in range(roles):
        struct.pack_into("<H", block, 256 + 2 * i, i if i < disks else 0xFFFF)
    struct.pack_into("<I", block, 216, sum_words(bytes(block)))
    return bytes(block)


def make(level, version, name, contents, members):
    with open(contents, "rb") as file:
        data = file.read()
    data += bytes(-len(data) % CHUNK)
    chunks = len(data) // CHUNK
    disks = len(members)

    def block(cell):
        at = cell[1] * CHUNK
        return data[at : at + CHUNK].ljust(CHUNK, b"\0")

    columns = [bytearray() for _ in members]
    for row in rows_of(level, disks, chunks):
        in_order = [block(c) for c in sorted(c for c in row if c and c[0] == "data")]
        for column, cell in zip(columns, row):
            if cell is None:
                column += bytes(CHUNK)
            elif cell[0] == "data":
                column += block(cell)
            else:
                column += xor(in_order) if cell[0] == "p" else syndrome(in_order)
    for number, (path, column) in enumerate(zip(members, columns)):
        start = data_offset(version)
        size = start + len(column) + (128 << 10)
        size += -size % 65536
        at = superblock_offset(version, size)
        with open(path, "wb") as file:
            file.truncate(size)
            file.seek(start)
            file.write(column)
            file.seek(at)
            file.write(superblock(level, version, name, disks, number, len(column), at))


def read(level, version, size, members):
    chunks = -(-size // CHUNK)
    files = [open(path, "rb") for path in members]
    for file in files:
        file.seek(data_offset(version))
    data = {}
    for row in rows_of(level, len(members), chunks):
        blocks = [file.read(CHUNK) for file in files]
        found = {}
        for cell, block in zip(row, blocks):
            if cell and cell[0] == "data":
                if data.setdefault(cell[1], block) != block:
                    sys.exit(f"the copies of chunk {cell[1]} differ")
                found[cell[1]] = block
        in_order = [found[chunk] for chunk in sorted(found)]
        for cell, block in zip(row, blocks):
            if cell == ("p",) and block != xor(in_order):
                sys.exit("the parity is wrong")
            if cell == ("q",) and block != syndrome(in_order):
                sys.exit("the second parity is wrong")
    for chunk in range(chunks):
        sys.stdout.buffer.write(data[chunk])


if sys.argv[1] == "make":
    make(*sys.argv[2:6], sys.argv[6:])
else:
    read(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
