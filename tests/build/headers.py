#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""headers.py --include FOLDER --api FOLDER COMPILER... - each public header compiles alone, also
with all warnings of a strict program: in C11, C17 and C++20, and for programs written for LKL."""
import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror"]
OF_C = ["-Wstrict-prototypes", "-Wmissing-prototypes"]
OF_CXX = ["-Wold-style-cast", "-Wnon-virtual-dtor", "-Woverloaded-virtual"]
COMPAT = "-DLKL_COMPAT_5"


def attempts(header):
    """Language, standard and definitions."""
    if header.suffix == ".hpp":
        return [("c++", "c++20", [])]
    return [(language, standard, defined)
            for language, standard in (("c", "c11"), ("c", "c17"), ("c++", "c++20"))
            for defined in ([], [COMPAT])]


def check(compiler, folders, name, language, standard, defined):
    warnings = WARNINGS + (OF_CXX if language == "c++" else OF_C)
    run = subprocess.run([compiler, "-x", language, f"-std={standard}", *warnings, *defined,
                          *(f"-I{folder}" for folder in folders), "-fsyntax-only", "-"],
                         input=f"#include <{name}>\n", text=True, capture_output=True)
    if run.returncode == 0:
        return []
    wrong = next((line for line in run.stderr.splitlines() if "error" in line), run.stderr)
    return [f"{name} as {standard} {' '.join(defined)} by {compiler}: {wrong}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", type=Path, required=True)
    parser.add_argument("--api", type=Path, required=True)
    parser.add_argument("compilers", nargs="+")
    args = parser.parse_args()
    headers = sorted(path.relative_to(args.include) for path in args.include.rglob("*.h*"))
    assert Path("lkl.h") in headers and Path("lkl.hpp") in headers
    jobs = [(compiler, (args.include, args.api), header, *attempt)
            for compiler in args.compilers for header in headers for attempt in attempts(header)]
    with ThreadPoolExecutor(2) as pool:
        wrong = [line for lines in pool.map(lambda job: check(*job), jobs) for line in lines]
    print(f"{len(jobs)} compilations of {len(headers)} headers")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
