#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The library reads the environment by host::environment() only.

That function does not trust the environment of a program which runs with more rights than
its caller (set-user-ID): LKL_TRACE_FILE, for one, would overwrite any file of the owner's."""
import argparse
import pathlib
import re
import sys

READS = re.compile(r"\b(getenv|secure_getenv|environ|__environ)\b\s*(\(|\[|;|,|\))")
ALLOWED = {"posix/file.cc": 2, "win32/file.cc": 1}


def reads_of(text):
    """The lines that read it; comments and strings do not."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        line = re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]
        if READS.search(line):
            found.append((number, line.strip()))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", type=pathlib.Path, required=True)
    host = parser.parse_args().host

    # the search itself
    assert reads_of('  const char* x = std::getenv("A");')
    assert reads_of("for (char** e = environ; *e; ++e)")
    assert not reads_of('// getenv("A")\n/* getenv("A") */ environment("A"); say("getenv(");')

    failed = False
    files = sorted(p for p in host.rglob("*") if p.suffix in (".cc", ".c", ".h"))
    assert len(files) > 50, f"{host}: are these the sources?"
    for path in files:
        name = str(path.relative_to(host))
        found = reads_of(path.read_text())
        if len(found) > ALLOWED.get(name, 0):
            failed = True
            for number, line in found:
                print(f"host/{name}:{number}: {line}\n  use host::environment() of host.h")
        elif name in ALLOWED:
            assert len(found) == ALLOWED[name], f"host/{name}: the search finds nothing any more"
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
