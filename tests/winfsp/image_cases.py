# SPDX-License-Identifier: GPL-2.0
"""The image as a whole: full, read-only, in use, and how it ends."""
import os
import subprocess

from drive import (CREATE, NON_DIRECTORY_FILE, OVERWRITE_IF, OWNER, READ, READONLY, UNICODE, WRITE_THROUGH, Drive,
                   Status, digest, dos, expect, fails, file_time, run)
from judges import host


class ImageCases:
    def full(self):
        d = self.mount()
        total, free, _ = d.space()
        expect(0 < free <= total, total, free)
        file = d.open("\\big", CREATE, NON_DIRECTORY_FILE)
        block, at = self.noise(1 << 20), 0
        try:
            while True:
                expect(at < 300 << 20, "never full")
                at += file.write(at, block)
        except Status as status:
            expect(status.name == "DISK_FULL", status)
        expect(at > free - (free >> 1), at, free)
        fails("DISK_FULL", d.open, "\\room", CREATE, NON_DIRECTORY_FILE, allocation=100 << 20)
        expect(not d.exists("\\room"))
        fails("DISK_FULL", file.set_size, 500 << 20, allocation=True)
        expect(file.info().size >= at)
        file.flush()
        expect(d.space()[1] < 20 << 20, d.space())
        file.delete()
        file.close()
        if self.kind == "btrfs":
            d.call("flush", "-")  # what was removed is free at the next transaction
        d.put("\\small", b"fits again")
        expect(d.get("\\small") == b"fits again")

    def volume(self):
        d = self.mount()
        flags, unit, name, longest = d.call("parameters")
        expect(int(flags) & 0x1b == 0x1b and not int(flags) & 1 << 9, flags)
        expect(int(unit) == 4096 and bytes.fromhex(name).decode("utf-16-le").rstrip("\0") == self.kind, unit, name)
        expect(int(longest) == 255)
        total, free, label = d.space()
        expect(total > 100 << 20 and free > 50 << 20 and label == "", total, free, label)
        d.call("label", "großer name".encode("utf-16-le").hex())
        expect(d.space()[2] == "großer name", d.space())
        fails("INVALID_VOLUME_LABEL", d.call, "label", ("x" * 300).encode("utf-16-le").hex())
        self.umount()
        label = host(["blkid", "-p", "-o", "value", "-s", "LABEL", self.image]).decode().strip()
        expect(label == "großer name", label)

    def read_only(self):
        d = self.mount()
        d.put("\\f", b"x")
        self.umount()
        with open(self.image, "rb") as file:
            before = digest(file.read())
        d = self.mount("ro")
        expect(int(d.call("parameters")[0]) & 1 << 9)
        expect(d.get("\\f") == b"x")
        fails("MEDIA_WRITE_PROTECTED", d.put, "\\f", b"y")
        fails("MEDIA_WRITE_PROTECTED", d.put, "\\g", b"y")
        with d.open("\\f", access=READ) as file:
            # past the driver, which would not ask
            fails("MEDIA_WRITE_PROTECTED", file.write, 0, b"y")
            fails("MEDIA_WRITE_PROTECTED", file.set_size, 0)
            fails("MEDIA_WRITE_PROTECTED", file.delete)
            fails("MEDIA_WRITE_PROTECTED", file.rename, "\\g")
            fails("MEDIA_WRITE_PROTECTED", file.set_basic, written=file_time(7))
            fails("MEDIA_WRITE_PROTECTED", file.set_basic, attributes=READONLY)
            fails("MEDIA_WRITE_PROTECTED", file.set_security, OWNER, "O:S-1-22-1-5")
        fails("MEDIA_WRITE_PROTECTED", d.call, "label", "66006f00")
        self.umount()
        with open(self.image, "rb") as file:
            expect(digest(file.read()) == before, "changed")
        # nor when it says so itself
        os.chmod(self.image, 0o444)
        if not os.access(self.image, os.W_OK):
            self.drive = Drive(self.program, self.image)
            fails("MEDIA_WRITE_PROTECTED", self.drive.put, "\\g", b"y")
            _, said = self.drive.end()
            expect("write-protected, mounted read-only" in said, said)
        self.drive = None
        os.chmod(self.image, 0o644)
        # snapshots leave it alone, too, and can be kept
        d = self.mount("snapshot,commit=" + dos(os.path.join(self.work, "kept.img")))
        d.put("\\f", b"changed")
        self.umount()
        with open(self.image, "rb") as file:
            expect(digest(file.read()) == before, "changed by a snapshot")
        self.image = os.path.join(self.work, "kept.img")
        self.check()
        expect(self.out_of_image() == {"f": digest(b"changed")})

    def ends(self):
        """Unmounted with files open, by WinFsp, and not at all."""
        d = self.mount()
        d.put("\\f", b"x")
        held = [d.open("\\f"), d.open("\\"), d.open("\\gone", CREATE)]
        held[0].write(0, b"held")
        held[1].entries()
        self.umount()
        d = self.mount()
        expect(d.get("\\f") == b"held" and d.get("\\gone") == b"")
        d.call("driver-gone")
        status, said = d.wait()
        expect((status, said) == (0, ""), status, said)
        self.check()
        # the power goes: what was flushed is there
        for round_ in range(3):
            d = self.mount()
            noise = self.noise(200_000)
            with d.open("\\safe", OVERWRITE_IF, NON_DIRECTORY_FILE) as file:
                file.write(0, noise)
                file.flush()
            with d.open("\\through", OVERWRITE_IF, NON_DIRECTORY_FILE | WRITE_THROUGH) as file:
                file.write(0, noise)
            for i in range(50):
                d.put(f"\\lost{i}", noise[:3000])
            d.kill()
            d = self.mount()
            expect(d.get("\\safe") == noise and d.get("\\through") == noise, "round", round_)
            self.umount()
        # two cannot write to one
        d = self.mount()
        status, said = run(self.program, dos(self.image), "Y:")
        expect(status == 1 and "in use" in said or "another" in said, status, said)
        d.put("\\f", b"still there")
        self.umount()

    def options(self):
        """What the words after -o do, and where in an image a file system is."""
        d = self.mount()
        d.put("\\f", b"x")
        with d.open("\\f") as file:
            file.set_basic(accessed=file_time(1000), written=file_time(2000))
        self.umount()
        # times of reading are kept if they are asked for
        for option, changes in (("strictatime", True), ("", False)):
            d = self.mount(option)
            d.get("\\f")
            expect((d.info("\\f").accessed != file_time(1000)) == changes, option, d.info("\\f"))
            with d.open("\\f") as file:
                file.set_basic(accessed=file_time(1000))
            self.umount()
        log = os.path.join(self.work, "log")
        d = self.mount(f"type=ext4,format=raw,mb=64,max_threads=2,sync,opts=errors=remount-ro\\,data=journal,log={dos(log)}",
                       arguments=["-s"])
        d.put("\\f", b"through a journal")
        self.umount()
        with open(log, errors="replace") as file:
            text = file.read()
        expect("journalled data mode" in text, text)
        # behind a table of partitions, and where no table says so
        whole = os.path.join(self.work, "whole.img")
        start, sectors = 2048, os.path.getsize(self.image) // 512
        entry = (bytes([0, 0, 0, 0, 0x83, 0, 0, 0]) + start.to_bytes(4, "little") + sectors.to_bytes(4, "little"))
        with open(whole, "wb") as file, open(self.image, "rb") as old:
            file.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
            file.seek(start * 512)
            file.write(old.read())
        self.image = whole
        for option, suffix in (("", ":1"), ("part=1", ""), ("", ""), ("offset=1M", ""), ("part=0,offset=x", None),
                               ("part=2", None), ("offset=2M", None)):
            if suffix is None:
                status, _ = run(self.program, dos(whole), "X:", "-o", option)
                expect(status != 0, option)
                continue
            self.image = whole + suffix
            d = self.mount(option)
            expect(d.get("\\f") == b"through a journal", option, suffix)
            status, said = d.end()
            expect((status, said) == (0, ""), status, said)
        self.drive = None

    def errors(self):
        """What is wrong is said, and nothing is mounted."""
        image, program = dos(self.image), self.program

        def says(what, *words, status=1, **more):
            got, said = run(program, *words, **more)
            expect(got == status and what in said, words, got, said, "not", what)

        says("no image given", status=2)
        says("no drive letter given", image, status=2)
        says("is too much", image, "X:", "Y:", status=2)
        says("-o nonsense: is not known", image, "X:", "-o", "nonsense", status=2)
        says("-z: is not known", image, "X:", "-z", status=2)
        says("mb=7: less than 32", image, "X:", "-omb=7", status=2)
        says("as=x: is no number", image, "X:", "-o", "as=x", status=2)
        says("ro and snapshot exclude each other", image, "X:", "-o", "ro,snapshot", status=2)
        says("commit needs snapshot", image, "X:", "-o", "commit=x", status=2)
        says("none.img", dos(os.path.join(self.work, "none.img")), "X:")
        says("no lklfs of yours serves it", "-u", "W:")
        says("usage: lklfs", "--help", status=0)
        says("lklfs ", "-V", status=0)
        with open(os.path.join(self.work, "empty.img"), "wb") as file:
            file.truncate(1 << 20)
        says("empty.img", dos(os.path.join(self.work, "empty.img")), "X:")
        for word, what in (("no-driver", "is its driver running"), ("taken", "is there already"),
                           ("no-threads", "starts no threads")):
            UNICODE["LKL_FAKE_WINFSP"] = word
            try:
                Drive(program, self.image)
                raise AssertionError(word)
            except RuntimeError as error:
                expect(what in str(error), error)
            finally:
                del UNICODE["LKL_FAKE_WINFSP"]
        self.check()
        # any letter; a letter with a slash
        d = self.mount(point="*")
        expect(d.first.startswith("Q: is "), d.first)
        d.point = "q:\\"
        self.umount()
        # a folder by its name from here
        d = self.mount(point="folder of ours")
        expect(d.first.startswith(dos(self.work) + "\\folder of ours is "), d.first)
        d.point = dos(self.work).lower() + "\\x\\..\\folder of ours"
        self.umount()
        os.remove(os.path.join(self.work, "winfsp-x64.dll"))
        says("install WinFsp from https://winfsp.dev", image, "X:")

    def registry(self):
        """WinFsp's DLL is where the registry says that it is installed, not only beside the program."""
        folder = os.path.join(self.work, "WinFsp (x86)")
        os.makedirs(os.path.join(folder, "bin"))
        os.rename(os.path.join(self.work, "winfsp-x64.dll"), os.path.join(folder, "bin", "winfsp-x64.dll"))
        # A registry that other tests do not see.
        UNICODE["LKL_WINEPREFIX"] = os.path.join(self.work, "prefix")
        add = self.program[:-1] + ["reg", "add", "HKLM\\SOFTWARE\\Wow6432Node\\WinFsp", "/v", "InstallDir", "/d"]
        try:
            status, said = run(self.program, dos(self.image), "X:")
            expect(status == 1 and "install WinFsp" in said, status, said)
            run(add, dos(folder) + "\\", "/f")
            d = self.mount()
            d.put("\\f", b"x")
            self.umount()
            run(add, "C:\\nowhere", "/f")
            status, said = run(self.program, dos(self.image), "X:")
            expect(status == 1 and "C:\\nowhere\\bin\\winfsp-x64.dll" in said, status, said)
        finally:
            server = next((path for path in ("/usr/lib/wine/wineserver64", "/usr/bin/wineserver") if os.path.exists(path)))
            subprocess.run([server, "-k", "-w"], env={**os.environ, "WINEPREFIX": UNICODE.pop("LKL_WINEPREFIX")},
                           check=False, timeout=60)
