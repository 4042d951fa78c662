#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""pe_test.py OBJDUMP KERNEL DLL FIXED ANYWHERE - what the files for Windows are like.

The kernel's object has nothing undefined, weak or not, and no section that has no place in such a file.
The DLL, and the program that is said to, may be anywhere in memory and have what it takes to be moved.
"""
import re
import subprocess
import sys

SECTIONS = {".text", ".rdata", ".data", ".bss"}
DYNAMIC, HIGH_ENTROPY = "DYNAMIC_BASE", "HIGH_ENTROPY_VA"


def ask(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def pages_with_addresses(kernel):
    """Pages of its sections in which there are addresses of 64 bits."""
    section, pages = "", set()
    for line in ask("objdump", "-r", kernel).splitlines():
        if line.startswith("RELOCATION RECORDS FOR"):
            section = line
        elif "R_X86_64_64 " in line:
            pages.add((section, int(line.split()[0], 16) >> 12))
    return len(pages)


def main():
    objdump, kernel, dll, fixed, anywhere = sys.argv[1:]
    wrong = []
    listing = ask("objdump", "-h", kernel)
    sections = set(re.findall(r"^\s*\d+ (\S+)", listing, re.M))
    if sections != SECTIONS:
        wrong.append(f"{kernel} has the sections {sorted(sections)}")
    symbols = ask("nm", kernel)
    wrong += [f"{kernel}: {line}" for line in symbols.splitlines() if re.search(r" [UwvVW] ", line)]
    pages = pages_with_addresses(kernel)
    for path, movable in ((dll, True), (fixed, False), (anywhere, True)):
        header = ask(objdump, "-p", path)
        for word in (DYNAMIC, HIGH_ENTROPY):
            if (word in header) != movable:
                wrong.append(f"{path} has {'no ' if movable else ''}{word}")
        if "HIGHLOW" in header:
            wrong.append(f"{path} has base relocations of 32 bits, which break what they change")
        blocks = header.count("Virtual Address: ")
        # a table for each page that has addresses in it
        if movable and blocks < pages:
            wrong.append(f"{path}: {blocks} pages with base relocations, the kernel alone has {pages}")
    for line in wrong[:20]:
        print(line)
    return 1 if wrong else 0


sys.exit(main())
