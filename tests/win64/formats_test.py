#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""formats_test.py LKL-EXE STAND-IN-FOLDER EMULATOR... - images that lkl.exe has qemu-nbd.exe serve.

There is none here: the stand-in (qemu_nbd.c) has what it is asked done by Linux' qemu-nbd, whose arguments
are then lkl.exe's, but for names of Linux' files. What is written is judged by qemu-img and e2fsck.
"""
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

from judges import CHECK, MAKE, PATH, host


def expect(condition, *what):
    if not condition:
        sys.exit(" ".join(str(one) for one in what))


def dos(path):
    return "Z:" + path.replace("/", "\\")


class Linux:
    """Does once what the stand-in is asked to."""

    def __init__(self, work, command=None, more=()):
        self.folder = tempfile.mkdtemp(dir=work)
        self.arguments, self.command, self.process, self.over = None, command, None, False
        self.more = list(more)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        asked = os.path.join(self.folder, "asked")
        while not os.path.exists(asked):
            if self.over:
                return
            time.sleep(0.01)
        with open(asked) as file:
            self.arguments = file.read().splitlines()
        words = [word.replace("Z:", "").replace("\\\\", "/") if word.startswith("json:") else word for word in self.arguments]
        self.process = subprocess.Popen(self.command or ["qemu-nbd"] + self.more + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        said, _ = self.process.communicate()
        with open(os.path.join(self.folder, "ending"), "w") as file:
            file.write(f"{self.process.returncode}\n{said}")
        os.rename(os.path.join(self.folder, "ending"), os.path.join(self.folder, "ended"))

    def end(self):
        self.over = True
        if self.process:
            self.process.terminate()
        self.thread.join()


class Test:
    def __init__(self, program, stand_in, work):
        self.program, self.work = program, work
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8", "WINEPATH": dos(stand_in)}

    def start(self, linux, words):
        return subprocess.Popen(self.program + words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                cwd=self.work, env={**self.environment, "LKL_STAND_IN": dos(linux.folder)})

    def run(self, *words, fails=False, said="", command=None):
        linux = Linux(self.work, command)
        try:
            process = self.start(linux, list(words))
            out, error = process.communicate(timeout=100)
            error = error.decode(errors="replace")
            expect((process.returncode != 0) == fails and said in error, words, "status", process.returncode, out, error)
            return out, linux.arguments
        finally:
            linux.end()

    def ends_with_us(self, image):
        """Who kills the command has killed the server, by the job."""
        linux = Linux(self.work, more=["--persistent"])  # it does not end by itself
        try:
            process = self.start(linux, ["sh", image])
            process.stdin.write(b"pwd\n")
            process.stdin.flush()
            process.stdout.readline()
            process.kill()
            process.communicate()
            alive = os.path.join(linux.folder, "alive")
            before = None
            for _ in range(100):
                with open(alive) as file:
                    now = file.read()
                if now == before:
                    return
                before = now
                time.sleep(0.5)
            sys.exit("the server goes on without the command")
        finally:
            linux.end()


def main():
    program, stand_in, *emulator = sys.argv[1:]
    os.environ["PATH"] = PATH
    with tempfile.TemporaryDirectory(prefix="lkl-win64-") as work:
        work = os.path.realpath(work)
        test = Test(emulator + [program], stand_in, work)
        raw, data = os.path.join(work, "raw"), os.path.join(work, "data")
        with open(raw, "wb") as file:
            file.truncate(128 << 20)
        host(MAKE["ext4"] + [raw])
        with open(data, "wb") as file:
            file.write(random.Random(2).randbytes(3 << 20))
        with open(data, "rb") as file:
            wanted = hashlib.sha256(file.read()).digest()
        for kind, name in (("qcow2", "a b.qcow2"), ("vdi", "x.vdi"), ("vpc", "v.vhd")):
            image = os.path.join(work, name)
            host(["qemu-img", "convert", "-O", kind, raw, image])
            _, arguments = test.run("cp", "data", name + ":/data")
            expect("--bind=127.0.0.1" in arguments and "--read-only" not in arguments, arguments)
            out, arguments = test.run("cat", dos(image), "/data")
            expect(hashlib.sha256(out).digest() == wanted, kind, "read back")
            expect("--read-only" in arguments, arguments)
            host(["qemu-img", "convert", "-O", "raw", image, raw + ".back"])
            host(CHECK["ext4"] + [raw + ".back"])
            found = host(["debugfs", "-R", "cat /data", raw + ".back"]).split(b"\n", 1)[1]
            expect(hashlib.sha256(found).digest() == wanted, kind, "read by Linux")
        test.run("rm", "--snapshot", "a b.qcow2", "/data")
        test.ends_with_us("a b.qcow2")
        # its last words, and none at all
        test.run("ls", "a b.qcow2", fails=True, said="no such thing", command=["sh", "-c", "echo no such thing >&2; exit 3"])
        # an image on another one: nothing is asked
        host(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", raw, os.path.join(work, "on.qcow2")])
        for name in ("on.qcow2", "qcow2:on.qcow2"):
            _, arguments = test.run("ls", name, fails=True, said="names other files")
            expect(arguments is None, "asked for", arguments)


main()
