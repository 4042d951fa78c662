#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""pe_object.py OBJECT - readies the kernel's object (ELF, x86-64) for a linker of PE files.

Such a linker reads ELF objects, but knows no global offset table. The compiler asks for one where
a symbol may be missing (weak ones); in the kernel's object none is. So each
	mov symbol@GOTPCREL(%rip), %reg
becomes what linkers of ELF files make of it,
	lea symbol(%rip), %reg
An undefined symbol is an error: it would be address 0, which is out of reach from where PE files are.
"""
import struct
import sys

PC32, REX_GOTPCRELX, GOTPCRELX = 2, 42, 41
KNOWN = {0: "NONE", 1: "64", PC32: "PC32", 4: "PLT32", 24: "PC64"}
MOV, LEA = 0x8b, 0x8d
SHT_SYMTAB, SHT_RELA, SHF_ALLOC, SHN_UNDEF = 2, 4, 2, 0
OFFSET_TABLE = b"_GLOBAL_OFFSET_TABLE_"


class Elf:
    def __init__(self, data):
        self.data = data
        if data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", data, 18)[0] != 62:
            sys.exit("no ELF object of x86-64")
        at, = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        # name, type, flags, address, offset, size, link, info, alignment, entry size
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, at + i * size) for i in range(count)]

    def text(self, section, at):
        begin = self.sections[section][4] + at
        return bytes(self.data[begin:self.data.index(b"\0", begin)])

    def symbols(self, section):
        """Of a symbol table: name and section of each."""
        _, _, _, _, offset, size, strings, *_ = self.sections[section]
        for at in range(offset, offset + size, 24):
            name, _, _, where = struct.unpack_from("<IBBH", self.data, at)
            yield self.text(strings, name), where


def relocate(elf, section):
    """Without the table; how many there were."""
    _, _, _, _, offset, size, symtab, target, *_ = elf.sections[section]
    names = list(elf.symbols(symtab))
    place = elf.sections[target]
    if not place[2] & SHF_ALLOC:
        return 0
    count = 0
    for at in range(offset, offset + size, 24):
        where, info, addend = struct.unpack_from("<QQq", elf.data, at)
        kind, (name, defined) = info & 0xffffffff, names[info >> 32]
        if info >> 32 and defined == SHN_UNDEF:
            sys.exit(f"{name.decode()} is used and not defined")
        if kind in (REX_GOTPCRELX, GOTPCRELX):
            opcode = place[4] + where - 2
            if elf.data[opcode] != MOV or addend != -4:
                sys.exit(f"{name.decode()}@GOTPCREL in an instruction that is no mov")
            elf.data[opcode] = LEA
            struct.pack_into("<Q", elf.data, at + 8, info >> 32 << 32 | PC32)
            count += 1
        elif kind not in KNOWN:
            sys.exit(f"a relocation of kind {kind}, which linkers of PE files may not know")
    return count


def main():
    with open(sys.argv[1], "rb") as file:
        elf = Elf(bytearray(file.read()))
    for number, section in enumerate(elf.sections):
        if section[1] == SHT_RELA:
            relocate(elf, number)
        elif section[1] == SHT_SYMTAB:
            for name, where in list(elf.symbols(number))[1:]:
                if where == SHN_UNDEF and name != OFFSET_TABLE:
                    sys.exit(f"{name.decode()} is not defined")
    with open(sys.argv[1], "wb") as file:
        file.write(elf.data)


main()
