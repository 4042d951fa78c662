#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""kernel_files.py FOLDER - do the files of arch/lkl/kernel, compiled in FOLDER, call each other in
one direction only?

A file that needs another one, by a function or a variable, stands above it. A circle means that
neither can be understood, or tested, without the other.
"""
import subprocess
import sys
from pathlib import Path


def symbols(path):
    """What the object defines, and what it needs."""
    defined, needed = set(), set()
    lines = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    for line in lines.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U":
            needed.add(name)
        elif kind.isupper():
            defined.add(name)
    return defined, needed


def arrows(folder):
    objects = {path.stem: symbols(path) for path in sorted(folder.glob("*.o"))}
    home = {name: file for file, (defined, _) in objects.items() for name in defined}
    graph = {file: {} for file in objects}
    for file, (_, needed) in objects.items():
        for name in sorted(needed):
            if home.get(name, file) != file:
                graph[file].setdefault(home[name], []).append(name)
    return graph


def circles(graph):
    """Files that reach each other, by what."""
    reach = {file: set(others) for file, others in graph.items()}
    for middle in graph:
        for file in graph:
            if middle in reach[file]:
                reach[file] |= reach[middle]
    for file, others in graph.items():
        for other, names in others.items():
            if file in reach[other]:
                yield f"{file}.c needs {other}.c: {', '.join(names)}"


def self_test():
    straight = {"a": {"b": ["f"]}, "b": {"c": ["g"]}, "c": {}}
    assert not list(circles(straight))
    assert list(circles(straight | {"c": {"a": ["h"]}})) == [
        "a.c needs b.c: f", "b.c needs c.c: g", "c.c needs a.c: h"]


def main():
    self_test()
    graph = arrows(Path(sys.argv[1]))
    if "task" not in graph or not graph["task"]:
        sys.exit(f"{sys.argv[1]}: not the objects of arch/lkl/kernel")
    wrong = list(circles(graph))
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
