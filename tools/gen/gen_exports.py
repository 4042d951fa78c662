#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes the linker's version script and objcopy's list from the list of exported names."""

import argparse
import pathlib
import sys


# What is no function.
VARIABLES = ("lkl_host_ops",)


def read_exports(path):
    """{version: [name]} in the order of the file."""
    versions = {}
    names = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].rstrip()
        if not line:
            continue
        if not line[0].isspace():
            names = versions.setdefault(line, [])
        elif names is None:
            sys.exit(f"{path}:{number}: a name without a version before it")
        else:
            names.append(line.strip())
    return versions


def make_version_script(versions):
    out = []
    before = ""
    for version, names in versions.items():
        rest = "" if before else "\tlocal:\n\t\t*;\n"
        listed = "".join(f"\t\t{name};\n" for name in names)
        out.append(f"{version} {{\n\tglobal:\n{listed}{rest}}}{before};\n")
        before = f" {version}"
    return "".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exports", type=pathlib.Path, required=True)
    parser.add_argument("--syscalls", type=pathlib.Path, required=True,
                        help="their names, which belong to the first version")
    parser.add_argument("--version-script", type=pathlib.Path, required=True)
    parser.add_argument("--symbols", type=pathlib.Path, required=True,
                        help="gets the names alone")
    parser.add_argument("--definitions", type=pathlib.Path,
                        help="gets the names for a DLL of Windows")
    args = parser.parse_args()

    versions = read_exports(args.exports)
    first = next(iter(versions))
    versions[first] = sorted(set(versions[first]) | set(args.syscalls.read_text().split()))
    args.version_script.write_text(make_version_script(versions))
    listed = [name for names in versions.values() for name in names]
    args.symbols.write_text("".join(f"{name}\n" for name in listed))
    if args.definitions:
        args.definitions.write_text("EXPORTS\n" + "".join(
            f"\t{name}{' DATA' if name in VARIABLES else ''}\n" for name in listed))


if __name__ == "__main__":
    main()
