#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A hive of the registry of Windows, by the format as it is known; hivexget(1) judges it.

    make_hive.py HIVE.json FILE

{"Key": {"Other": {"name": "text", "number": 10}}}: what has braces is a key, all else a value.
"""
import json
import struct
import sys

BIN = 4096


class Hive:
    def __init__(self):
        self.cells = bytearray(32)  # the head of the bin

    def add(self, data):
        """A cell; where it is, as other cells say it."""
        offset = len(self.cells)
        size = (4 + len(data) + 7) // 8 * 8
        self.cells += struct.pack("<i", -size) + data
        self.cells += bytes(offset + size - len(self.cells))
        return offset

    def put(self, offset, at, number):
        self.cells[offset + 4 + at:offset + 8 + at] = struct.pack("<I", number)

    def value(self, name, value):
        if isinstance(value, int):
            kind, size, data = 4, 4 | 1 << 31, value
        else:
            text = value.encode("utf-16-le") + b"\0\0"
            kind, size, data = 1, len(text), self.add(text)
        return self.add(struct.pack("<2sHIIIHH", b"vk", len(name), size, data, kind, 1, 0) +
                        name.encode())

    def key(self, name, tree, parent, flags, security):
        node = self.add(struct.pack("<2sHQ4xIIIIIIIII20xHH", b"nk", flags, 0, parent, 0, 0,
                                    0xffffffff, 0xffffffff, 0, 0xffffffff, security, 0xffffffff,
                                    len(name), 0) + name.encode())
        values = [self.value(n, v) for n, v in tree.items() if not isinstance(v, dict)]
        below = [(n, self.key(n, v, node, 0x20, security))
                 for n, v in sorted(tree.items(), key=lambda item: item[0].upper())
                 if isinstance(v, dict)]
        if values:
            self.put(node, 36, len(values))
            self.put(node, 40, self.add(struct.pack(f"<{len(values)}I", *values)))
        if below:
            self.put(node, 20, len(below))
            self.put(node, 28, self.lists(below))
        return node

    def lists(self, keys):
        """Many keys are in several lists, of which there is a list."""
        most = 3
        if len(keys) > most:
            parts = [self.lists(keys[i:i + most]) for i in range(0, len(keys), most)]
            return self.add(struct.pack(f"<2sH{len(parts)}I", b"ri", len(parts), *parts))
        entries = b""
        for name, offset in keys:
            value = 0
            for letter in name.upper():
                value = value * 37 + ord(letter) & 0xffffffff
            entries += struct.pack("<II", offset, value)
        return self.add(struct.pack("<2sH", b"lh", len(keys)) + entries)

    def image(self, tree):
        security = self.add(struct.pack("<2sHIIII", b"sk", 0, 0, 0, 1, 0))
        self.put(security, 4, security)
        self.put(security, 8, security)
        root = self.key("ROOT", tree, 0xffffffff, 0x2c, security)
        rest = -len(self.cells) % BIN or BIN
        self.cells += struct.pack("<i", rest) + bytes(rest - 4)
        self.cells[:32] = struct.pack("<4sII8xQI", b"hbin", 0, len(self.cells), 0, 0)
        head = struct.pack("<4sIIQIIIIIII64s", b"regf", 1, 1, 0, 1, 5, 0, 1, root,
                           len(self.cells), 1, "HIVE".encode("utf-16-le")).ljust(508, b"\0")
        checksum = 0
        for number in struct.unpack("<127I", head):
            checksum ^= number
        return (head + struct.pack("<I", checksum)).ljust(BIN, b"\0") + self.cells


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        tree = json.load(file)
    with open(sys.argv[2], "wb") as file:
        file.write(Hive().image(tree))


main()
