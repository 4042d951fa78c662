# SPDX-License-Identifier: GPL-2.0
"""What the tests share: images, made and looked at by the host's programs; a mounted kernel."""
import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest

import lkl

os.environ["PATH"] += ":/usr/sbin:/sbin"


def run(*command):
    """Output of a program of the host, which must succeed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def digest(data):
    return hashlib.sha256(data).hexdigest()


class ImageTest(unittest.TestCase):
    """Each test has a folder of its own, with an ext4 image in it."""

    def setUp(self):
        if not shutil.which("mkfs.ext4"):
            self.skipTest("needs mkfs.ext4 (e2fsprogs)")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.image = os.path.join(self.folder, "disk.img")
        self.tree = os.path.join(self.folder, "tree")
        os.makedirs(self.tree + "/etc")
        with open(self.tree + "/etc/hostname", "w", encoding="utf-8") as file:
            file.write("the name of this host\n")
        self.make("16M")

    def make(self, size):
        run("truncate", "-s", "0", self.image)
        run("truncate", "-s", size, self.image)
        run("mkfs.ext4", "-q", "-F", "-d", self.tree, self.image)

    def check_image(self):
        """The host's own checker has nothing to say."""
        run("e2fsck", "-fn", self.image)

    def stored(self, path):
        """A file's content, as debugfs finds it in the image."""
        out = os.path.join(self.folder, "stored")
        run("debugfs", "-R", f"dump {path} {out}", self.image)
        with open(out, "rb") as file:
            return file.read()


class MountedTest(ImageTest):
    """The same, mounted; the image is checked when it is unmounted."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.check_image)
        self.kernel = lkl.Kernel()
        self.addCleanup(self.kernel.close)
        self.root = lkl.Mount(lkl.Disk(self.image))

    def close(self):
        self.kernel.close()
