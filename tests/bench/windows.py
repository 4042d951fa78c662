#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""windows.py LINUX-PROGRAM WINDOWS-PROGRAM [RUNS] - the Windows build beside the Linux one, on one machine.

Both are tests/win64/workload.c; that for Windows is run by wine. They take turns, on images in memory;
of each figure the best of all runs counts (5 if not said). Prints both and their ratio, with what is
wanted; ends with 1 if a ratio is above that. Wants a machine that does nothing else.
"""
import os
import subprocess
import sys
import tempfile

WINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/dev/wine")
MOST = {"getppid_ns": 1.5, "boot_ms": 2, "ping_pong_us": 5, "write_ms": 1.5, "read_ms": 1.5,
        "create_stat_unlink_us": 1.3}


def figures(command, image):
    with open(image, "wb") as file:
        file.truncate(256 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", image], check=True,
                   env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    said = subprocess.run(command + [image, "ext4", "1"], check=True, stdout=subprocess.PIPE, text=True).stdout
    words = [line.split() for line in said.splitlines()]
    return {word[0]: float(word[1]) for word in words if len(word) == 2 and word[0] in MOST}


def main():
    linux, windows, *runs = sys.argv[1:]
    best = ({}, {})
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="lkl-bench-") as folder:
        for _ in range(int(runs[0]) if runs else 5):
            for found, command in zip(best, ([linux], [WINE, windows])):
                for name, value in figures(command, os.path.join(folder, "image")).items():
                    found[name] = min(value, found.get(name, value))
    print(f"{'':24}{'Linux':>10}{'wine':>10}{'ratio':>8}{'wanted':>8}")
    above = 0
    for name, most in MOST.items():
        ratio = best[1][name] / best[0][name]
        above |= ratio > most
        print(f"{name:24}{best[0][name]:10.2f}{best[1][name]:10.2f}{ratio:8.2f}{most:8}")
    sys.exit(above)


main()
