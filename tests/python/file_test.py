# SPDX-License-Identifier: GPL-2.0
"""lkl.open() beside the built-in: the same calls on both have the same results."""
import errno
import io
import os
import shutil
import tarfile
import unittest
import zipfile

import lkl
from image import MountedTest, digest


def outcome(function):
    """What it returns or raises, comparable."""
    try:
        return function()
    except (OSError, ValueError) as error:
        return type(error), getattr(error, "errno", None)


class FileTest(MountedTest):
    def setUp(self):
        super().setUp()
        self.host = os.path.join(self.folder, "host")
        os.mkdir(self.host)

    def both(self, steps):
        """The results of `steps(open, folder)` are the same, and so are the files after it."""
        expected = steps(open, self.host + "/")
        self.assertEqual(steps(lkl.open, self.root.path + "/"), expected)
        for name in os.listdir(self.host):
            with open(f"{self.host}/{name}", "rb") as ours, \
                    lkl.open(self.root / name, "rb") as theirs:
                self.assertEqual(digest(theirs.read()), digest(ours.read()), name)
        return expected

    def test_text(self):
        def steps(opens, folder):
            results = []
            with opens(folder + "text", "w", encoding="utf-16", newline="\r\n") as file:
                results.append(file.write("ä line\n" * 5000))
            with opens(folder + "text", encoding="utf-16") as file:
                results += [file.readline(), len(file.readlines()), file.tell() > 0]
            with opens(folder + "text", "a", encoding="utf-8", buffering=1) as file:
                results += [file.write("more\n"), file.line_buffering, file.mode]
            with opens(folder + "text", "r+", encoding="latin-1") as file:
                results += [file.seek(10), file.read(5), file.seek(0, io.SEEK_END), file.truncate(20)]
            return results
        self.both(steps)

    def test_binary(self):
        def steps(opens, folder):
            results = []
            data = bytes(range(256)) * 3000
            with opens(folder + "data", "xb") as file:
                results += [type(file), file.write(data), file.tell()]
            with opens(folder + "data", "rb") as file:
                results += [type(file), file.read(3), file.peek(1)[:1], file.read1(10),
                            digest(file.read()), file.read(), file.seek(-5, 2), file.read()]
            with opens(folder + "data", "r+b") as file:
                results += [type(file), file.seek(1000), file.write(b"changed"), file.seek(500),
                            digest(file.read(1000)), file.truncate(100000)]
            with opens(folder + "data", "ab") as file:
                results += [file.tell(), file.write(b"added"), file.tell()]
            with opens(folder + "data", "w+b") as file:
                results += [file.read(), file.write(b"short"), file.seek(0), file.read()]
            with opens(folder + "holes", "wb", buffering=0) as file:
                results += [file.seek(1 << 20), file.write(b"end"), file.tell()]
            with opens(folder + "holes", "rb", buffering=0) as file:
                results += [file.readinto(bytearray(10)), file.seek(0), digest(file.readall()),
                            file.readall(), file.seek(0, os.SEEK_DATA) > 0, file.seekable()]
            return results
        self.both(steps)

    def test_errors(self):
        def steps(opens, folder):
            opens(folder + "file", "w").close()
            results = [outcome(lambda: opens(folder + name, mode)) for name, mode in (
                ("missing", "r"), ("missing/x", "w"), ("file", "x"), ("file/x", "r"), ("", "r"),
                ("", "w"), ("file", "rw"), ("file", "z"), ("file", "+"), ("file", ""), ("file", "rbt"),
                ("\0", "r"), ("n" * 300, "w"))]
            results.append(outcome(lambda: opens(folder + "file", "rb", encoding="utf-8")))
            results.append(outcome(lambda: opens(folder + "file", "r", 0)))
            with opens(folder + "file", "rb") as file:
                results += [outcome(lambda: file.write(b"x")), outcome(file.truncate),
                            outcome(lambda: file.seek(-1)), file.readable(), file.writable()]
            results += [outcome(file.read), outcome(file.tell), file.closed]
            with opens(folder + "file", "wb", 0) as file:
                results += [outcome(lambda: file.read(1)), file.readable(), file.writable()]
            return results
        results = self.both(steps)
        self.assertIn((FileNotFoundError, errno.ENOENT), results)
        self.assertIn((IsADirectoryError, errno.EISDIR), results)

    def test_the_name_is_in_the_error(self):
        path = self.root / "missing"
        with self.assertRaises(FileNotFoundError) as caught:
            lkl.open(path)
        self.assertEqual(caught.exception.filename, path)

    def test_has_no_descriptor_of_the_host(self):
        with lkl.open(self.root / "etc/hostname") as file:
            self.assertRaises(io.UnsupportedOperation, file.fileno)
            self.assertGreaterEqual(file.buffer.raw.fd, 0)
            self.assertFalse(file.isatty())

    def test_positions_of_their_own(self):
        with lkl.FileIO(self.root / "new", "w+") as file:
            self.assertEqual(file.pwrite(b"12345", 10), 5)
            self.assertEqual(file.pread(100, 8), b"\0\x0012345")
            self.assertEqual(file.tell(), 0)
            self.assertEqual(file.stat().st_size, 15)

    def test_a_large_file_both_ways(self):
        data = os.urandom(1 << 20)
        with open(self.host + "/large", "wb") as file:
            file.write(data * 3)
        with open(self.host + "/large", "rb") as source, \
                lkl.open(self.root / "large", "wb") as target:
            shutil.copyfileobj(source, target)
        with lkl.open(self.root / "large", "rb") as file:
            self.assertEqual(digest(file.read()), digest(data * 3))
        self.close()
        self.assertEqual(digest(self.stored("/large")), digest(data * 3))

    def test_fsync_takes_what_the_object_holds_back(self):
        file = lkl.open(self.root / "new", "w")
        file.write("held back")
        lkl.fsync(file)
        with open(self.image, "rb") as image:  # it is on the host's disk, without an unmount
            self.assertIn(b"held back", image.read())
        file.close()
        self.assertRaises(TypeError, lkl.fsync, io.StringIO())

    def test_modules_that_take_files(self):
        with lkl.open(self.root / "a.tar", "w+b") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(self.tree, "tree")
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                self.assertIn("tree/etc/hostname", archive.getnames())
        with lkl.open(self.root / "a.zip", "w+b") as file:
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("name", b"content")
            with zipfile.ZipFile(file) as archive:
                self.assertEqual(archive.read("name"), b"content")

    def test_a_full_disk(self):
        with lkl.open(self.root / "large", "wb", buffering=0) as file:
            with self.assertRaises(OSError) as caught:
                for _ in range(20):
                    file.write(bytes(1 << 20))
                    lkl.fsync(file)
        self.assertEqual(caught.exception.errno, errno.ENOSPC)


unittest.main()
