#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""winfsp_test.py CASE TYPE LKLFS LIBRARY FAKE EMULATOR... - lklfs.exe by the fake WinFsp, judged by Linux.

The checks of lklfuse's tests (tests/fuse) where Windows has them, and what Windows has besides. After each
unmounting the file system's own checker looks at the image; names, contents, modes and links are read by its
own tools.
"""
import os
import random
import shutil
import sys
import tempfile

from contents_cases import ContentsCases
from drive import Drive, digest, expect
from image_cases import ImageCases
from judges import CHECK, MAKE, host
from linux_cases import LinuxCases
from name_cases import NameCases

MAKE = {**MAKE, "small": ["mkfs.ext4", "-q", "-F", "-b", "1024"]}


class Test(ContentsCases, NameCases, LinuxCases, ImageCases):
    def __init__(self, kind, files, emulator, work):
        self.kind = "ext4" if kind == "small" else kind
        self.work = work
        # The program, its library and WinFsp's are in one folder.
        for file in files:
            os.symlink(file, os.path.join(work, os.path.basename(file)))
        self.program = emulator + [os.path.join(work, os.path.basename(files[0]))]
        self.image = os.path.join(work, "disk.img")
        self.chance = random.Random(1)
        with open(self.image, "wb") as file:
            file.truncate((256 if kind != "small" else 40) << 20)
        host(MAKE[kind] + [self.image])
        self.drive = None

    def mount(self, options="", **more):
        self.drive = Drive(self.program, self.image, options, **more)
        return self.drive

    def umount(self):
        status, said = self.drive.end()
        expect((status, said) == (0, ""), "lklfs:", status, said)
        self.drive = None
        self.check()

    def check(self):
        host(CHECK[self.kind] + [self.image])

    def remount(self, options=""):
        self.umount()
        return self.mount(options)

    def finish(self):
        if self.drive:
            self.umount()

    def debugfs(self, command, write=False):
        return host(["debugfs"] + (["-w"] if write else []) + ["-R", command, self.image]).decode(errors="replace")

    def noise(self, size):
        return self.chance.randbytes(size)

    def out_of_image(self):
        """What Linux finds in it: digests by name, None of directories, texts of links."""
        target = tempfile.mkdtemp(dir=self.work)
        if self.kind == "ext4":
            host(["debugfs", "-R", f"rdump / {target}", self.image])
            os.rmdir(os.path.join(target, "lost+found"))
        else:
            host(["btrfs", "restore", "-S", self.image, target])
        found = {}
        for at, folders, files in os.walk(target):
            for name in folders + files:
                path = os.path.join(at, name)
                short = os.path.relpath(path, target)
                if os.path.islink(path):
                    found[short] = os.readlink(path)
                elif os.path.isdir(path):
                    found[short] = None
                else:
                    with open(path, "rb") as file:
                        found[short] = digest(file.read())
        shutil.rmtree(target)
        return found


def main():
    case, kind, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="lkl-winfsp-") as work:
        test = Test(kind, rest[:3], rest[3:], work)
        try:
            getattr(test, case)()
            test.finish()
        finally:
            if test.drive:
                test.drive.kill()


main()
