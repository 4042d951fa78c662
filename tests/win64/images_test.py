#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""images_test.py CASE TYPE PROGRAM... - what Windows programs leave in images, judged by Linux.

Makes an image, has a program for Windows (run by the command before its name) work on it, and asks the
file system's own checker. CASE is "example" (examples/windows_ext4), "work" (workload to its end, and
what it measures) or "kill" (workload, ended in the middle several times; the journal is replayed by the
next mount, and then nothing may be wrong).
"""
import os
import random
import subprocess
import sys
import tempfile
import time

from judges import CHECK, PATH

MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-O", "64bit,metadata_csum"], "btrfs": ["mkfs.btrfs", "-q", "-f"],
        "vfat": ["mkfs.vfat"]}
KILLS = 4


def run(command, **more):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, "PATH": PATH}, timeout=300, **more)
    if result.returncode:
        sys.exit(f"{' '.join(command)}: {result.returncode}\n{result.stdout}")
    return result.stdout


def make(kind, image):
    with open(image, "wb") as file:
        file.truncate(256 << 20)
    run(MAKE[kind] + [image])


def example(kind, image, program):
    out = run(program + [image, "from-windows.txt", "written there"])
    if "from-windows.txt: written there" not in out:
        sys.exit(f"not shown: {out}")
    run(CHECK[kind] + [image])
    content = run(["debugfs", "-R", "cat /from-windows.txt", image])
    if "written there" not in content:
        sys.exit(f"Linux reads something else: {content}")
    # once more, by a name of Windows
    out = run(program + ["Z:" + image.replace("/", "\\")])
    if "from-windows.txt: written there" not in out:
        sys.exit(f"not shown by its other name: {out}")


def work(kind, image, program):
    print(run(program + [image, kind, "10"]))
    run(CHECK[kind] + [image])


def kill(kind, image, program):
    """The workload begins by replaying the journal of the one that was ended."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(KILLS):
        process = subprocess.Popen(program + [image, kind, "0"], stdout=subprocess.PIPE, text=True,
                                   start_new_session=True)
        line = ""
        while not line.startswith("round 2"):
            line = process.stdout.readline()
            if not line:
                sys.exit("it has ended by itself")
        time.sleep(chance.random() * 0.3)
        # tools/dev/wine is by then the program itself
        process.kill()
        process.wait()
        process.stdout.close()
    run(program + [image, kind, "1"])
    run(CHECK[kind] + [image])


def main():
    case, kind, *program = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="lkl-win64-") as folder:
        image = os.path.join(folder, "image")
        make(kind, image)
        {"example": example, "work": work, "kill": kill}[case](kind, image, program)


main()
