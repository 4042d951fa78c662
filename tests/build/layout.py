#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""layout.py SOURCE - do the folders use each other as docs/layout.md says, and no more?

Reads the table of docs/layout.md (a folder, what lives there, what it may use) and all
#include lines. Said is: a folder that the table does not have, an arrow that it does not have,
one that it has and nobody uses, a circle, of folders or of files, and a header of an operating
system in a folder of host/ that is not for one.
"""
import os
import re
import sys

SUFFIXES = (".c", ".cc", ".h", ".hpp")
# Where the compiler looks for "...", after the folder of the file itself.
ROOTS = ("host", "host/posix/seam", "include", "tools", "tools/fuse", "tests", "arch/lkl/include/uapi", "")
# The public headers: programs may include either of them alone, and have both.
EACH_OTHER = (("include/lkl_host.h", "include/lkl.h"), ("include/lkl/compat5.h", "include/lkl.h"))
# Where operating systems have their own folders; of C++ and of libraries there is <name> and these.
PORTABLE, HOSTS, LIBRARIES = "host", ("host/posix", "host/win32", "host/win32/seam"), ("libnbd.h", "nlohmann/json.hpp")
PARTS = ("host", "include", "tools", "python", "examples", "tests")


def read_table(source):
    table = {}
    with open(os.path.join(source, "docs/layout.md")) as file:
        for line in file:
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            if len(cells) != 3 or not cells[0].startswith("`"):
                continue
            folder = cells[0].strip("`")
            if folder in table:
                sys.exit(f"docs/layout.md has {folder} twice")
            table[folder] = set(re.findall(r"`([^`]+)`", cells[2]))
    if not table:
        sys.exit("docs/layout.md has no table")
    return table


def sources(source):
    for part in PARTS:
        for folder, folders, files in os.walk(os.path.join(source, part)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(SUFFIXES):
                    yield os.path.relpath(os.path.join(folder, name), source)


def include_lines(source, path):
    """'<' or '"', and the name."""
    with open(os.path.join(source, path), errors="replace") as file:
        return re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', file.read(), re.M)


def included(source, path, lines):
    """The files of the tree that it includes; what is generated or of the system is no file."""
    for _, name in lines:
        for root in (os.path.dirname(path),) + ROOTS:
            found = os.path.normpath(os.path.join(root, name))
            if os.path.isfile(os.path.join(source, found)):
                yield found
                break


def system_headers(path, lines):
    if path.split("/")[0] != PORTABLE or os.path.dirname(path) in HOSTS:
        return []
    return [name for bracket, name in lines
            if bracket == "<" and name.endswith(".h") and name not in LIBRARIES]


def circle(graph):
    """One circle of a graph as a list of its nodes, or None."""
    state, way = {}, []

    def visit(node):
        state[node] = "open"
        way.append(node)
        for other in sorted(graph.get(node, ())):
            if state.get(other) == "open":
                return way[way.index(other):] + [other]
            if other not in state:
                found = visit(other)
                if found:
                    return found
        state[node] = "done"
        way.pop()
        return None

    for node in sorted(graph):
        if node not in state:
            found = visit(node)
            if found:
                return found
    return None


def main():
    source = sys.argv[1]
    sys.setrecursionlimit(10000)
    table = read_table(source)
    wrong, files, used = [], {}, {}
    for path in sources(source):
        folder = os.path.dirname(path)
        if folder not in table:
            wrong.append(f"{path}: docs/layout.md does not know its folder")
            continue
        lines = include_lines(source, path)
        files[path] = {other for other in included(source, path, lines)
                       if other != path and (path, other) not in EACH_OTHER}
        wrong += [f"{path} includes <{name}>: that is for {HOSTS[0]}"
                  for name in system_headers(path, lines)]
        for other in sorted(files[path]):
            target = os.path.dirname(other)
            if target == folder:
                continue
            used.setdefault(folder, set()).add(target)
            if target not in table[folder]:
                wrong.append(f"{path} includes {other}: {folder} may not use {target}")
    for folder, targets in sorted(table.items()):
        if not os.path.isdir(os.path.join(source, folder)):
            wrong.append(f"docs/layout.md: there is no {folder}")
        for target in sorted(targets - used.get(folder, set())):
            wrong.append(f"docs/layout.md: {folder} does not use {target}")
    for what, graph in (("folders", table), ("files", files)):
        found = circle(graph)
        if found:
            wrong.append(f"a circle of {what}: " + " -> ".join(found))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


sys.exit(main())
