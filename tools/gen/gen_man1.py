#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gen_man1.py - the manual page lkl(1) with a list of the commands

In groups as in the table of commands, each with what its own page says that it does (.Nd).
"""
import argparse
import os
import re
import sys

MARK = re.compile(r'^\.\\" COMMANDS.*\n', re.M)


def purpose(pages, name):
    path = os.path.join(pages, f"lkl-{name}.1")
    try:
        with open(path) as file:
            found = re.search(r"^\.Nd (.*)$", file.read(), re.M)
    except OSError as error:
        sys.exit(f"{path}: the command {name} has no manual page: {error.strerror}")
    if not found:
        sys.exit(f"{path}: has no line .Nd")
    return found[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", required=True, help="folder of lkl.1 and lkl-NAME.1")
    parser.add_argument("--commands", required=True, help="the table, tools/lkl/commands.def")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()

    with open(arguments.commands) as file:
        table = file.read()
    groups = re.findall(r'^LKL_GROUP\((\w+), "(.*)"\)', table, re.M)
    commands = re.findall(r"^LKL_COMMAND\((\w+), (\w+),", table, re.M)
    if not groups or not commands:
        sys.exit(f"{arguments.commands}: has no groups or no commands")
    text = ""
    for group, title in groups:
        text += f'.Ss {title}\n.Bl -tag -compact -width "lkl-truncate(1)"\n'
        for name, its_group in commands:
            if its_group == group:
                text += f".It Xr lkl-{name} 1\n{purpose(arguments.pages, name)}\n"
        text += ".El\n"

    with open(os.path.join(arguments.pages, "lkl.1")) as file:
        page, count = MARK.subn(lambda _: text, file.read())
    if count != 1:
        sys.exit("lkl.1: has no mark where the commands go, or several")
    with open(arguments.output, "w") as file:
        file.write(page)


if __name__ == "__main__":
    main()
