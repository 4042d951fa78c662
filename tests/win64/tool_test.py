#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tool_test.py CASE TYPE FOLDER EMULATOR... - lkl.exe and its other names, of FOLDER, judged by Linux.

What it writes into images is checked and read by the file system's own tools, what it writes on the host by
Python, and by copying it back. Paths are Windows' own: Z: is Linux' root to wine.
"""
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile

from judges import CHECK, MAKE, host

# wine takes names of Linux' files for text of this.
UNICODE = {**os.environ, "LC_ALL": "C.UTF-8"}
# Allowed on Linux, not on Windows; what is written in their place.
HIDDEN = {b"a:b": "a\uf03ab", b"CON": "\uf043ON", b"nul.txt": "\uf06eul.txt", b"point.": "point\uf02e",
          b"blank ": "blank\uf020", b'q?<>|*"': "q\uf03f\uf03c\uf03e\uf07c\uf02a\uf022", b"back\\slash": "back\uf05cslash",
          b"bytes\xff\xfe": "bytes\uf0ff\uf0fe", "\uf03a".encode(): "\uf0ef\uf080\uf0ba", b"\x01": "\uf001"}
PLAIN = ["plain", "grüße", "日本語", "😀", "console", "a.b", "com10", ".hidden"]


def dos(path):
    return "Z:" + path.replace("/", "\\")


def expect(condition, *what):
    if not condition:
        sys.exit(" ".join(str(one) for one in what))


def digests(folder):
    """Of all files below it, by their names; None of a directory, nothing of a symbolic link."""
    found = {}
    for at, folders, files in os.walk(os.fsencode(folder)):
        for name in folders:
            found[os.path.relpath(os.path.join(at, name), os.fsencode(folder))] = None
        for name in files:
            if os.path.islink(os.path.join(at, name)):
                continue
            with open(os.path.join(at, name), "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            found[os.path.relpath(os.path.join(at, name), os.fsencode(folder))] = digest
    return found


class Test:
    def __init__(self, kind, folder, emulator, work):
        self.kind, self.folder, self.emulator, self.work = kind, folder, emulator, work
        self.image = os.path.join(work, "disk.img")
        self.disk = dos(self.image)
        self.chance = random.Random(1)
        self.make(self.image)

    def make(self, image, *options):
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        host(MAKE[self.kind] + list(options) + [image])

    def check(self, image=None):
        host(CHECK[self.kind] + [image or self.image])

    def run(self, *words, name="lkl", fails=False, given=b"", said=None):
        """Standard output; `fails`: it ends with an error, and says `said`."""
        command = self.emulator + [os.path.join(self.folder, name + ".exe")] + list(words)
        result = subprocess.run(command, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100,
                                cwd=self.work, env=UNICODE)
        error = result.stderr.decode(errors="replace")
        if (result.returncode != 0) != fails or (said and said not in error):
            sys.exit(f"{words}: status {result.returncode}, out {result.stdout!r}, error {error}"
                     + (f", but '{said}' was expected" if said else ""))
        self.error = error
        return result.stdout

    def tree(self, names):
        """A tree of the host's with these names, a deep path in it, and some data."""
        top = os.path.join(self.work, "tree")
        deep = os.path.join(top, *["directory-with-a-long-name-%d" % i for i in range(12)])
        os.makedirs(deep)
        for number, name in enumerate(names):
            with open(os.path.join(top, name), "wb") as file:
                file.write(self.chance.randbytes(5000 * number))
        with open(os.path.join(deep, "deep"), "w") as file:
            file.write("below the 260th character\n")
        with open(os.path.join(top, "large"), "wb") as file:
            file.write(self.chance.randbytes(20 << 20))
        return top

    def out_of_image(self, image):
        """What Linux finds in it."""
        target = tempfile.mkdtemp(dir=self.work)
        if self.kind == "ext4":
            host(["debugfs", "-R", f"rdump / {target}", image])
            os.rmdir(os.path.join(target, "lost+found"))
        else:
            host(["btrfs", "restore", image, target])
        return digests(target)

    # ---- the cases ----

    def copies(self):
        """A tree into an image and out of it, by drive letters, slashes of both kinds, and \\\\?\\."""
        top = self.tree(PLAIN)
        entries = sorted(os.listdir(top))
        self.run("cp", "-r", *[dos(os.path.join(top, name)) for name in entries], self.disk + ":/")
        self.check()
        wanted = digests(top)
        if self.kind != "vfat":
            found = self.out_of_image(self.image)
            expect(found == wanted, "Linux reads", sorted(found), "instead of", sorted(wanted))
        out = os.path.join(self.work, "out")
        os.mkdir(out)
        self.run("cp", "-r", self.disk.replace("\\", "/") + ":/", "\\\\?\\" + dos(out))
        found = digests(out)
        found.pop(b"lost+found", None)
        expect(found == wanted, "copied out:", sorted(found), "instead of", sorted(wanted))
        # what is there is compared by itself, too
        self.run("diff", "-x", "lost+found", self.disk + ":/", dos(top))
        with open(os.path.join(top, "plain"), "w") as file:
            file.write("changed")
        expect(b"plain" in self.run("diff", "-x", "lost+found", self.disk + ":/", dos(top), fails=True), "diff")
        # cptofs.exe and cpfromfs.exe are lkl.exe
        self.run("-i", self.disk, "-t", self.kind, dos(os.path.join(top, "large")), "/again", name="cptofs")
        self.check()
        self.run("-i", self.disk, "-t", self.kind, "/again", dos(os.path.join(out, "again")), name="cpfromfs")
        with open(os.path.join(out, "again"), "rb") as file:
            expect(hashlib.sha256(file.read()).hexdigest() == wanted[b"large"], "cpfromfs")
        self.run(name="cptofs", fails=True, said="cptofs: no image given")

    def names(self):
        """Names that Windows does not have come out as others, and go back in as they were."""
        tree = os.path.join(self.work, "names")
        os.makedirs(tree)
        for name in HIDDEN:
            with open(os.path.join(os.fsencode(tree), name), "wb") as file:
                file.write(b"of " + name)
        os.makedirs(os.path.join(tree, "prn", "x"))
        source = os.path.join(self.work, "names.img")
        self.make(source, *{"ext4": ["-d", tree], "btrfs": ["--rootdir", tree]}[self.kind])
        out = os.path.join(self.work, "out")
        os.mkdir(out)
        self.run("cp", "-r", dos(source) + ":/", dos(out))
        expect("a:b: is called a\uf03ab" in self.error and self.error.count("is called") == len(HIDDEN) + 1,
               "not said:", self.error)
        written = set(os.listdir(out)) - {"lost+found"}
        expect(written == set(HIDDEN.values()) | {"\uf070rn"}, "written:", sorted(written))
        for name, other in HIDDEN.items():
            with open(os.path.join(out, other), "rb") as file:
                expect(file.read() == b"of " + name, "contents of", other)
        self.run("cp", "-r", *[dos(os.path.join(out, other)) for other in sorted(written)], self.disk + ":/")
        self.check()
        found, wanted = self.out_of_image(self.image), digests(tree)
        expect(found == wanted, "copied back:", sorted(found), "instead of", sorted(wanted))
        # by the name as it is in the image
        expect(self.run("cat", self.disk, "/a:b") == b"of a:b", "cat")
        expect(self.run("cat", self.disk, "/q?<>|*\"") == b'of q?<>|*"', "cat")

    def commands(self):
        """Each command that works on an image does what it says."""
        disk, text = self.disk, lambda *words, **more: self.run(*words, **more).decode()
        self.run("mkdir", disk, "/etc", "/ä")
        self.run("write", disk, "/etc/motd", given=b"line\r\nwith its ends \x1a and zero \0\n")
        expect(self.run("cat", disk, "/etc/motd") == b"line\r\nwith its ends \x1a and zero \0\n", "bytes were changed")
        self.run("write", disk, "/ä/日本", "--text", "schöne Grüße")
        expect(text("cat", disk, "/ä/日本") == "schöne Grüße", "text of the command line")
        expect(text("ls", disk, "/") .split() == ["etc", "lost+found", "ä"], "ls", text("ls", disk, "/"))
        expect("motd" in text("ls", "-l", disk, "/etc"), "ls -l")
        self.run("chmod", "0640", disk, "/etc/motd")
        self.run("chown", "12:34", disk, "/etc/motd")
        self.run("touch", "-d", "2001-02-03T04:05:06Z", disk, "/etc/motd")
        self.run("ln", disk, "/etc/motd", "/etc/hard")
        self.run("ln", "-s", disk, "motd", "/etc/soft")
        self.run("truncate", "-s", "100000", disk, "/ä/日本")
        self.run("mv", disk, "/etc/hard", "/etc/moved")
        stat = json.loads(text("stat", "--json", disk, "/etc/motd"))
        stat = stat[0] if isinstance(stat, list) else stat
        expect((stat["mode"], stat["uid"], stat["gid"], stat["size"]) == ("0640", 12, 34, 33), "stat", stat)
        expect("2001-02-03T04:05:06" in json.dumps(stat), "times", stat)
        expect(text("find", disk, "/", "-name", "m[n-p]*").split() == ["/etc/motd", "/etc/moved"], "find")
        expect(text("find", disk, "/", "-iname", "MOTD").split() == ["/etc/motd"], "find -iname")
        expect("ext4" in text("df", disk) and "disk.img" in text("df", disk), "df")
        expect(text("du", "-s", disk, "/").split()[-1].endswith("/"), "du", text("du", "-s", disk, "/"))
        info = text("info", "--json", disk)
        expect('"ext4"' in info and json.loads(info), "info", info)
        expect("Linux" in text("--version", "-v") and "code" in text("--version", "-v"), "version")
        self.run("sh", disk, given="cd /etc\nput tree.txt\nget motd out.txt\nmkdir new\nls\n".encode(), fails=True,
                 said="tree.txt")
        with open(os.path.join(self.work, "out.txt"), "rb") as file:
            expect(file.read().startswith(b"line\r\n"), "get of lkl sh")
        self.run("rmdir", disk, "/etc/new")
        self.run("rm", "-r", disk, "/etc/moved")
        self.check()
        inode = host(["debugfs", "-R", "stat /etc/motd", self.image]).decode()
        expect("Mode:  0640" in inode and "User:    12" in inode and "Links: 1" in inode, inode)
        expect('"motd"' in host(["debugfs", "-R", "stat /etc/soft", self.image]).decode(), "symbolic link")
        # the image of a snapshot stays as it is, and a read-only one too
        before = digests(self.work)[b"disk.img"]
        self.run("rm", "--snapshot", "--commit", dos(os.path.join(self.work, "new.img")), disk, "/etc/soft")
        self.run("rm", "--ro", disk, "/etc/soft", fails=True, said="--ro")
        expect(digests(self.work)[b"disk.img"] == before, "the image was changed")
        self.check(os.path.join(self.work, "new.img"))
        expect("motd" in text("ls", "new.img", "/etc") and "soft" not in text("ls", "new.img", "/etc"), "--commit")

    def archives(self):
        """Modes, owners, links, attributes and holes go through archives that GNU tar writes and reads."""
        source = os.path.join(self.work, "source")
        os.makedirs(os.path.join(source, "folder", "n" * 120, "m" * 120))
        for name, size in (("data", 70000), ("folder/grüße", 10), ("a:b", 3), ("empty", 0)):
            with open(os.path.join(source, name), "wb") as file:
                file.write(self.chance.randbytes(size))
        with open(os.path.join(source, "hole"), "wb") as file:
            file.truncate(5 << 20)
            file.seek(2 << 20)
            file.write(b"in the middle")
        os.link(os.path.join(source, "data"), os.path.join(source, "folder", "hard"))
        os.symlink("../" + "t" * 150, os.path.join(source, "folder", "soft"))
        os.symlink("data", os.path.join(source, "short"))
        # bytes that something between could take for text, or for Windows' names
        for number, name in enumerate(list(HIDDEN) + ["e\u0301".encode(), b"z\xff" * 40]):
            with open(os.path.join(os.fsencode(source), name), "wb") as file:
                file.write(b"of " + name)
            os.symlink(name, os.path.join(os.fsencode(source), b"to%d" % number))
        os.makedirs(os.path.join(os.fsencode(source), b"folder\\", b"of\xff\\", "e\u0301".encode()))
        os.link(os.path.join(os.fsencode(source), b"back\\slash"), os.path.join(os.fsencode(source), b"back\\other"))
        os.chmod(os.path.join(source, "data"), 0o4751)
        os.utime(os.path.join(source, "data"), ns=(0, 987654321_123456789))
        archive, again = os.path.join(self.work, "in.tar"), os.path.join(self.work, "out.tar")
        host(["tar", "-C", source, "--format=pax", "-S", "--owner=u:12", "--group=g:3000000", "-cf", archive, "."])
        self.run("tar", "in", self.disk, "-f", dos(archive))
        self.check()
        self.run("tar", "out", self.disk, "-f", dos(again))
        out = os.path.join(self.work, "out")
        os.mkdir(out)
        host(["tar", "-C", out, "--exclude=./lost+found", "--no-same-owner", "-p", "-xf", again])
        show = r"%P %m %s %l %T@ %n\n"
        listed = [sorted(line for line in host(["find", folder, "-mindepth", "1", "!", "-type", "d", "-printf", show])
                         .splitlines() if not line.startswith(b"lost+found")) for folder in (source, out)]
        expect(listed[0] == listed[1], "through the image:", *sorted(map(repr, set(listed[0]) ^ set(listed[1]))))
        expect(digests(source) == digests(out), "contents")
        lines = host(["tar", "--numeric-owner", "-tvf", again]).decode().splitlines()
        expect(any(line.startswith("-rwsr-x--x 12/3000000") and line.endswith(" ./data") for line in lines), lines)
        # by the other name, and to standard output: the same bytes
        with open(again, "rb") as file:
            wanted = file.read().rstrip(b"\0")
        expect(self.run("tar", "out", self.disk).rstrip(b"\0") == wanted, "tar to standard output differs")
        self.run("-t", self.kind, self.disk, "fs.tar", name="fs2tar")
        with open(os.path.join(self.work, "fs.tar"), "rb") as file:
            expect(file.read().rstrip(b"\0") == wanted, "fs2tar.exe differs")
        # from standard input, as GNU writes it by itself
        host(["tar", "-C", source, "--format=gnu", "-S", "-cf", archive, "hole", "folder"])
        self.run("mkdir", self.disk, "/gnu")
        with open(archive, "rb") as file:
            self.run("tar", "in", self.disk, "/gnu", given=file.read())
        expect(self.run("cat", self.disk, "/gnu/hole") == self.run("cat", self.disk, "/hole"), "a file with holes")
        self.check()
        with open(archive, "rb") as file:
            cut = file.read()[:3000]
        self.run("tar", "in", self.disk, "/gnu", given=cut, fails=True, said="damaged or cut off")
        # gzip is known, no other compression
        host(["tar", "-C", source, "-czf", os.path.join(self.work, "in.tgz"), "data"])
        self.run("mkdir", self.disk, "/gzip")
        self.run("tar", "in", self.disk, "/gzip", "-f", "in.tgz")
        expect(self.run("cat", self.disk, "/gzip/data") == self.run("cat", self.disk, "/data"), "gzip")
        self.run("tar", "out", "-z", self.disk, "/gzip", "-f", "out.tgz")
        expect(host(["tar", "-tf", os.path.join(self.work, "out.tgz")]) == b"gzip/\ngzip/data\n", "written by gzip")
        host(["bzip2", archive])
        self.run("tar", "in", self.disk, "-f", "in.tar.bz2", fails=True, said="its compression is not known")
        self.run("tar", "out", "-j", self.disk, "-f", "out.tbz", fails=True, said="bzip2 is no compression that is known here")
        self.check()

    def errors(self):
        """What is not there says so."""
        for command in ("mount", "umount", "domains", "bisect", "test", "net"):
            self.run(command, self.disk, fails=True, said="not on Windows")
        self.run("ls", dos(self.work) + "\\missing.img", fails=True, said="no such image")
        self.run("ls", dos(self.work), fails=True, said="is a directory")
        self.run("ls", "--domain", "guest", fails=True, said="libvirt")
        self.run("ls", "nbd://127.0.0.1:1/x", fails=True, said="Connection refused")
        self.run("ls", "nbds://127.0.0.1/x", fails=True, said="without TLS")
        self.run("ls", "https://localhost/x", fails=True, said="is not known on Windows")
        host(["qemu-img", "create", "-q", "-f", "qcow2", os.path.join(self.work, "q.qcow2"), "64M"])
        self.run("ls", "q.qcow2", fails=True, said="qemu-nbd: no such program")
        os.mkdir(os.path.join(self.work, "dir"))
        self.run("build", "dir", "b.img", "--size", "8M", fails=True, said="mkfs.ext4: no such program")
        expect(not os.path.exists(os.path.join(self.work, "b.img")), "what was not made is there")
        self.run("nonsense", fails=True, said="Try 'lkl help'")
        # two writers: the second one is refused
        holder = subprocess.Popen(self.emulator + [os.path.join(self.folder, "lkl.exe"), "sh", self.disk],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.work,
                                  env=UNICODE)
        holder.stdin.write(b"pwd\n")
        holder.stdin.flush()
        holder.stdout.readline()
        self.run("mkdir", self.disk, "/x", fails=True, said="in use by another process")
        holder.communicate(b"exit\n", timeout=60)
        expect(holder.returncode == 0, "the first one has ended with", holder.returncode)
        self.run("mkdir", self.disk, "/x")
        self.check()


def main():
    case, kind, folder, *emulator = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="lkl-win64-") as work:
        getattr(Test(kind, folder, emulator, os.path.realpath(work)), case)()


main()
