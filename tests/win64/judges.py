# SPDX-License-Identifier: GPL-2.0
"""Programs of Linux that make images, and say what has become of them."""
import os
import subprocess
import sys

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "64bit,metadata_csum"], "btrfs": ["mkfs.btrfs", "-q", "-f"],
        "vfat": ["mkfs.vfat", "-F", "32"]}
CHECK = {"ext4": ["e2fsck", "-fn"], "btrfs": ["btrfs", "check", "--readonly"], "vfat": ["fsck.vfat", "-n"]}


def host(command, **more):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200,
                            env={**os.environ, "PATH": PATH}, **more)
    if result.returncode:
        sys.exit(f"{command}: {result.returncode}\n{result.stdout.decode(errors='replace')}")
    return result.stdout
