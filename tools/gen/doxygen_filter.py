#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""doxygen_filter.py FILE - a public header, or a page, as Doxygen reads it, on standard output

Comments of C headers are kernel-doc: "name - summary", "@parameter: text". Lines stay where they
are, so that what Doxygen says of a line is true. Pages lose their links to others.
"""
import re
import sys

COMMENT = re.compile(r"/\*\*(?!\*)(.*?)\*/", re.DOTALL)
TITLE = re.compile(r"^(\s*(?:\*\s)?\s*)(?:(struct|enum|union) )?(\w+) - (.*)$")
MEMBER = re.compile(r"^(\s*\*\s*)@(\w+(?:, @\w+)*):\s*(.*)$")


def escaped(text):
    """Words of the text that would be commands, or links to nothing."""
    return re.sub(r"@(\w+)", r"`\1`", text).replace("&", "\\&").replace("<", "\\<").replace(">", "\\>")


def convert(comment):
    lines = comment.group(0).split("\n")
    first = next((i for i, line in enumerate(lines) if TITLE.match(line.replace("/**", "", 1))), None)
    if first is None:
        return comment.group(0)
    title = TITLE.match(lines[first].replace("/**", "", 1))
    of_function = title.group(2) is None
    out = []
    for i, line in enumerate(lines):
        start = "/**" if line.lstrip().startswith("/**") else ""
        end = " */" if line.rstrip().endswith("*/") else ""
        body = line.strip().removeprefix("/**").removesuffix("*/").strip().removeprefix("*").strip()
        member = MEMBER.match(" * " + body) if i != first else None
        if i == first:
            body = f"@brief {escaped(title.group(4).removesuffix('*/').strip())}"
        elif member:
            names = [name.strip(" @") for name in member.group(2).split(",")]
            command = f"@param {','.join(names)} " if of_function else f"- `{'`, `'.join(names)}`: "
            body = command + escaped(member.group(3))
        else:
            body = escaped(body)
        out.append(f"{start or ' *'} {body}{end}")
    return "\n".join(out)


def main():
    with open(sys.argv[1]) as file:
        text = file.read()
    if sys.argv[1].endswith(".h"):
        # what compilers are told is no news to readers
        text = COMMENT.sub(convert, re.sub(r"LKL_PRINTF\(\d, \d\)", "", text))
        # else it passes over what is not in a structure
        text = "/** @file */ " + text
    elif sys.argv[1].endswith(".md"):
        text = re.sub(r"\[([^]]*)\]\([^)]*\.md\)", r"\1", text)
    sys.stdout.write(text)


main()
