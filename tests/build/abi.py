#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""abi.py [--update | --self-test] ... - what programs that are compiled already rely on

The types of all functions of host/exports.txt, and of the structures they take, are compared by
abidiff(1) with those of the last version, host/abi.xml. New functions are no change. With --update
this version becomes the last one: for a release; for a new member at the end of a structure that
says its size; or for a change that is meant to break programs, and then SOVERSION changes too.
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
INCOMPATIBLE = 8  # bits of abidiff's exit status
CHANGED = 4


def exported(path):
    return [line.strip() for line in path.read_text().splitlines()
            if line.startswith("\t") and line.strip()]


def describe(args, include, folder, name):
    """The library's interface without the library: a pointer of each function's type."""
    names = [n for n in exported(args.exports) if not n.endswith("_5")]
    source = folder / f"{name}.c"
    source.write_text("#include <lkl.h>\n#include <lkl_config.h>\n" + "".join(f"__typeof__({n}) *abi_{n};\n" for n in names))
    library, xml = folder / f"{name}.so", folder / f"{name}.xml"
    done = subprocess.run([args.cc, "-g", "-fno-eliminate-unused-debug-types", "-shared", "-fPIC",
                           f"-I{include}", f"-I{args.api}", "-o", library, source],
                          capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr
    subprocess.run([args.abidw, "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path",
                    "--no-elf-needed", "--type-id-style", "hash", "--out-file", xml, library],
                   check=True)
    # of the folders, which differ from machine to machine
    xml.write_text(re.sub(r" path='[^']*'", "", xml.read_text()))
    return xml, ""


def compare(args, before, now):
    done = subprocess.run([args.abidiff, "--no-added-syms", before, now],
                          capture_output=True, text=True)
    if done.returncode & ~(CHANGED | INCOMPATIBLE):
        sys.exit(f"abidiff: {done.stderr}")
    return done.stdout if done.returncode else ""


# What is done to lkl.h or lkl_host.h: a text of it, what becomes of that, and whether programs
# that are compiled already go on.
CHANGES = [
    ("lkl.h", "int lkl_if_up(int ifindex);", "int lkl_if_up(lkl_long ifindex);", False),
    ("lkl.h", "int lkl_if_down(int ifindex);", "void lkl_if_down(int ifindex);", False),
    ("lkl.h", "\tvoid *dev;\n\tunion {", "\tint flags;\n\tvoid *dev;\n\tunion {", False),
    ("lkl.h", "\t__lkl__u32 flags;\n\t__lkl__u32 num_queues;",
     "\t__lkl__u32 num_queues;\n\t__lkl__u32 flags;", False),
    ("lkl.h", "\t__lkl__u64 size;\n\tvoid *memory;\n};",
     "\t__lkl__u64 size;\n\tvoid *memory;\n\t__lkl__u64 later;\n};", False),
    ("lkl.h", "int lkl_if_up(int ifindex);",
     "int lkl_if_up(int ifindex);\nint lkl_if_something(int ifindex);", True),
    ("lkl.h", "int lkl_if_up(int ifindex);", "int lkl_if_up(int index);", True),
    ("lkl_host.h", "\tunsigned int prio;\n", "", False),
    ("lkl_host.h", "\tLKL_ON_PANIC_ABORT,\n\tLKL_ON_PANIC_ERROR,",
     "\tLKL_ON_PANIC_ERROR,\n\tLKL_ON_PANIC_ABORT,", False),
]


def self_test(args, folder):
    """Does this find what it is for?"""
    before, error = describe(args, args.include, folder, "before")
    assert before, error
    wrong = []
    for number, (header, text, change, fits) in enumerate(CHANGES):
        include = folder / f"include{number}"
        shutil.copytree(args.include, include)
        path = include / header
        assert text in path.read_text(), f"{header} has no {text!r} any more"
        path.write_text(path.read_text().replace(text, change))
        now, error = describe(args, include, folder, f"now{number}")
        assert now, error
        if bool(compare(args, before, now)) == fits:
            wrong.append(f"{header}: {change!r} instead of {text!r} is "
                         + ("refused" if fits else "not seen"))
    print("\n".join(wrong))
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--include", type=Path, required=True)
    parser.add_argument("--api", type=Path, required=True)
    parser.add_argument("--exports", type=Path, required=True)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--cc", default="cc")
    args = parser.parse_args()
    args.abidw, args.abidiff = shutil.which("abidw"), shutil.which("abidiff")
    if not args.abidw or not args.abidiff:
        print("skipped: needs abidw and abidiff (Debian: abigail-tools)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if args.self_test:
            return self_test(args, folder)
        now, error = describe(args, args.include, folder, "now")
        if not now:
            print(f"a function of host/exports.txt is not in the headers:\n{error}")
            return 1
        if args.update:
            shutil.copy(now, args.before)
            return 0
        changes = compare(args, args.before, now)
        if changes:
            print(changes)
            print(f"What programs rely on has changed since {args.before}: see --update in {__file__}")
            return 1
    return 0


sys.exit(main())
