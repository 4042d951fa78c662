#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""nbd_test.py CASE PROGRAM EMULATOR... - disks that a server of Linux's has, by NBD, judged by Linux.

PROGRAM is the workload, or lkl.exe (CASE "command"). "work_qemu", "work_nbdkit": it makes, writes and removes files on
a disk of that server. "killed": the server is ended in the middle of it; the journal is replayed by the next
mount, and then nothing may be wrong. "cut": between it and the server is one that leaves amid an answer, each time
after other bytes, or changes one: the program ends, with an error, and does not wait for ever.
"""
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from judges import CHECK, MAKE, PATH, host

UNICODE = {**os.environ, "LC_ALL": "C.UTF-8"}
CUTS = 6


def expect(condition, *what):
    if not condition:
        sys.exit(" ".join(str(one) for one in what))


def make(image):
    with open(image, "wb") as file:
        file.truncate(256 << 20)
    host(MAKE["ext4"] + [image])


class Server:
    """qemu-nbd or nbdkit, with an export "disk" of this image, on a port that nobody else has."""

    def __init__(self, kind, image, *options):
        name = "qemu-nbd" if kind == "qemu" else "nbdkit"
        if not shutil.which(name):
            print(f"skipped: there is no {name}")
            sys.exit(77)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if kind == "qemu":
            command = ["qemu-nbd", "--format=raw", "--bind=127.0.0.1", f"--port={self.port}", "--export-name=disk",
                       "--persistent", "--shared=8", "--discard=unmap", *options, image]
        else:
            command = ["nbdkit", "--foreground", "--ipaddr=127.0.0.1", f"--port={self.port}", "--exportname=disk",
                       *options, "file", image]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.uri = f"nbd://127.0.0.1:{self.port}/disk"
        for _ in range(500):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            expect(self.process.poll() is None, name, "has ended by itself")
            time.sleep(0.02)
        sys.exit(f"{name} does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self, kill=False):
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait()


class Between:
    """Hands on what client and server say, until so many bytes of the server's have gone; from there on `spoils`
    has one byte changed and the rest go, else both ends are closed."""

    def __init__(self, port, count, spoils):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"nbd://127.0.0.1:{self.listener.getsockname()[1]}/disk"
        self.port, self.left, self.spoils = port, count, spoils
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        client, _ = self.listener.accept()
        with client, socket.create_connection(("127.0.0.1", self.port)) as server:
            threading.Thread(target=self.hand_on, args=(client, server, lambda data: data), daemon=True).start()
            self.hand_on(server, client, self.change)

    def change(self, data):
        before, self.left = self.left, self.left - len(data)
        if before < 0 or self.left >= 0:
            return data
        if not self.spoils:
            return data[:before]
        return data[:before] + bytes([data[before] ^ 0x5a]) + data[before + 1:]

    def hand_on(self, source, to, change):
        try:
            while True:
                data = source.recv(1 << 16)
                changed = change(data)
                to.sendall(changed)
                if not data or len(changed) < len(data):
                    break
        except OSError:
            pass
        for one in (source, to):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def run(program, words, fails=False, said=None):
    """Standard output. False: whether it fails may be."""
    result = subprocess.run(program + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            timeout=100, env=UNICODE)
    error = result.stderr.decode(errors="replace")
    expect(fails is None or (result.returncode != 0) == fails, words, "status", result.returncode, result.stdout, error)
    expect(not said or said in error, words, error)
    return result.stdout


def work(kind, image, program):
    with Server(kind, image) as server:
        print(run(program, [server.uri, "ext4", "10"]).decode())
    host(CHECK["ext4"] + [image])


def killed(image, program):
    chance = random.Random()
    for _ in range(3):
        with Server("qemu", image) as server:
            process = subprocess.Popen(program + [server.uri, "ext4", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True)
            line = ""
            while not line.startswith("round 2"):
                line = process.stdout.readline()
                expect(line, "it has ended by itself", process.stderr.read() if not line else "")
            time.sleep(chance.random() * 0.3)
            server.end(kill=True)
            # what it waits for fails, and so does it
            process.communicate(timeout=100)
            expect(process.returncode == 1, "without its server it has ended with", process.returncode)
    work("qemu", image, program)


def cut(image, program):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    with Server("nbdkit", image) as server:
        for spoils in (False, True):
            for where in (0, 5, 30, 60, *(chance.randrange(200, 300000) for _ in range(CUTS))):
                between = Between(server.port, where, spoils)
                # a byte of the contents that is another one is the file system's to find, or nobody's
                run(program, [between.uri, "ext4", "2"], fails=None if spoils else True)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def command(image, program):
    """lkl.exe, judged by debugfs."""
    with tempfile.TemporaryDirectory(prefix="lkl-nbd-") as folder:
        data = os.path.join(folder, "data")
        with open(data, "wb") as file:
            file.write(random.Random(1).randbytes(5 << 20))
        with open(data, "rb") as file:
            wanted = digest(file.read())
        path = "Z:" + data.replace("/", "\\")
        with Server("qemu", image) as server:
            run(program, ["cp", path, server.uri + ":/data"])
            expect(digest(run(program, ["cat", server.uri, "/data"])) == wanted, "read back through NBD")
            run(program, ["rm", "--snapshot", server.uri, "/data"])
            run(program, ["ls", f"nbd://127.0.0.1:{server.port}/other"], fails=True, said="No such file")
            expect(b"ext4" in run(program, ["info", f"nbd://localhost:{server.port}/disk"]), "info")
        host(CHECK["ext4"] + [image])
        expect(digest(host(["debugfs", "-R", "cat /data", image]).split(b"\n", 1)[1]) == wanted, "read by Linux")
        with Server("qemu", image, "--read-only") as server:
            expect(digest(run(program, ["cat", server.uri, "/data"])) == wanted, "read of a read-only export")
            run(program, ["rm", server.uri, "/data"], fails=True)
        # only whole blocks of 4 KiB
        with Server("nbdkit", image, "--filter=blocksize-policy") as server:
            run(program, ["ls", server.uri, "/"])


def main():
    case, *program = sys.argv[1:]
    program = program[1:] + program[:1]
    os.environ["PATH"] = PATH
    with tempfile.TemporaryDirectory(prefix="lkl-win64-") as folder:
        image = os.path.join(folder, "image")
        make(image)
        if case.startswith("work_"):
            work(case[5:], image, program)
        else:
            {"killed": killed, "cut": cut, "command": command}[case](image, program)


main()
