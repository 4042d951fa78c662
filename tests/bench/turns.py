#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""turns.py [-n RUNS] A B [ARGUMENTS...] - one benchmark program of two builds, in turns.

    turns.py build/flat/tests/bench/lkl_bench_calls build/default/tests/bench/lkl_bench_calls
    turns.py -n 5 {flat,default}/tests/bench/lkl_bench_files ext4 /var/tmp --benchmark_filter=/lkl

Whatever else the machine does falls on both alike, since they run in turns, and who begins changes. For each row the
medians of all runs (7 if not said), how far those of A lie apart, and how many times as long B takes.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile

NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def rows(program, arguments):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([program, *arguments, f"--benchmark_out={out.name}", "--benchmark_out_format=json"],
                       stdout=subprocess.DEVNULL, check=True)
        said = json.load(out)
    found = {}
    for row in said["benchmarks"]:
        if row.get("run_type") == "iteration" and not row.get("error_occurred"):
            found[row["name"]] = row["real_time"] * NANOSECONDS[row["time_unit"]]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=7, dest="runs")
    parser.add_argument("programs", nargs=2)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    times = ({}, {})
    for run in range(options.runs):
        for which in (0, 1) if run % 2 == 0 else (1, 0):
            for name, time in rows(options.programs[which], options.arguments).items():
                times[which].setdefault(name, []).append(time)
        print(f"\rrun {run + 1} of {options.runs}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{'':44}{'A ns':>14}{'spread':>8}{'B ns':>14}{'B/A':>7}")
    for name, first in times[0].items():
        if name not in times[1]:
            print(f"{name:44} not in B")
            continue
        a, b = statistics.median(first), statistics.median(times[1][name])
        spread = (max(first) - min(first)) / a
        print(f"{name:44}{a:14.1f}{spread:8.2f}{b:14.1f}{b / a:7.2f}")


main()
