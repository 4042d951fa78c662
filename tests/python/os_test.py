# SPDX-License-Identifier: GPL-2.0
"""The functions of os on a folder of the host, and those of lkl on an image, have the same results."""
import errno
import os
import stat
import unittest

import lkl
from image import MountedTest, digest, run


class OsTest(MountedTest):
    def setUp(self):
        super().setUp()
        self.host = os.path.join(self.folder, "host")
        os.mkdir(self.host)
        self.image_folder = self.root / "work"
        lkl.mkdir(self.image_folder)
        self.umask = os.umask(0o022)
        self.addCleanup(os.umask, self.umask)
        lkl.umask(0o022)

    def both(self, function):
        """function(module, open, folder) has the same result, or error, with os and with lkl."""
        def outcome(*arguments):
            try:
                return function(*arguments)
            except OSError as error:
                names = [os.path.basename(os.fsdecode(name)) if name else name
                         for name in (error.filename, error.filename2)]
                return type(error), error.errno, names
        expected = outcome(os, open, self.host + "/")
        self.assertEqual(outcome(lkl, lkl.open, self.image_folder + "/"), expected)
        return expected

    def write(self, name, text="text"):
        for opens, folder in ((open, self.host), (lkl.open, self.image_folder)):
            with opens(f"{folder}/{name}", "w") as file:
                file.write(text)

    def test_names(self):
        self.write("file")
        for step in (
                lambda m, o, f: m.mkdir(f + "folder"), lambda m, o, f: m.mkdir(f + "folder"),
                lambda m, o, f: m.mkdir(f + "no/folder"), lambda m, o, f: m.mkdir(f + "mode", 0o711),
                lambda m, o, f: m.makedirs(f + "a/b/c"), lambda m, o, f: m.makedirs(f + "a/b/c"),
                lambda m, o, f: m.makedirs(f + "a/b/c", exist_ok=True),
                lambda m, o, f: m.makedirs(f + "file", exist_ok=True),
                lambda m, o, f: m.rename(f + "file", f + "folder/other"),
                lambda m, o, f: m.rename(f + "file", f + "x"),
                lambda m, o, f: m.replace(f + "folder/other", f + "file"),
                lambda m, o, f: m.rename(f + "a", f + "file"), lambda m, o, f: m.rmdir(f + "a"),
                lambda m, o, f: m.rmdir(f + "file"), lambda m, o, f: m.unlink(f + "missing"),
                lambda m, o, f: m.link(f + "file", f + "second"),
                lambda m, o, f: m.link(f + "file", f + "second"),
                lambda m, o, f: m.symlink("file", f + "link"),
                lambda m, o, f: m.symlink("file", f + "link"),
                lambda m, o, f: m.symlink("nowhere", f + "dangling"),
                lambda m, o, f: m.link(f + "link", f + "of link", follow_symlinks=False),
                lambda m, o, f: m.readlink(f + "link"), lambda m, o, f: m.readlink(f + "file"),
                lambda m, o, f: m.readlink(os.fsencode(f + "link")),
                lambda m, o, f: m.mkfifo(f + "fifo", 0o640),
                lambda m, o, f: m.access(f + "file", os.R_OK), lambda m, o, f: m.access(f + "x", os.F_OK),
                lambda m, o, f: m.unlink(f + "second"), lambda m, o, f: m.remove(f + "second"),
                lambda m, o, f: sorted(m.listdir(f)), lambda m, o, f: sorted(m.listdir(f.encode())),
                lambda m, o, f: m.listdir(f + "file"), lambda m, o, f: m.listdir(f + "missing"),
                lambda m, o, f: [(n, oct(m.lstat(f + n).st_mode)) for n in sorted(m.listdir(f))
                                 if not stat.S_ISLNK(m.lstat(f + n).st_mode)]):
            self.both(step)
        path = self.image_folder
        for name in ("file", "folder", "dangling", "missing"):
            for ours, theirs in ((os.path.exists, lkl.exists), (os.path.isdir, lkl.isdir),
                                 (os.path.isfile, lkl.isfile)):
                self.assertEqual(theirs(f"{path}/{name}"), ours(f"{self.host}/{name}"), name)

    def test_names_of_any_bytes(self):
        name = b"\xff\xe4 \n"
        self.both(lambda m, o, f: m.mkdir(f.encode() + name))
        self.both(lambda m, o, f: m.listdir(f.encode()))
        self.assertEqual(self.both(lambda m, o, f: m.listdir(f)), [os.fsdecode(name)])
        self.assertRaises(ValueError, lkl.mkdir, "a\0b")
        self.assertRaises(TypeError, lkl.mkdir, 3.5)

    def test_attributes(self):
        self.write("file", "x" * 1000)
        time = 1700000000_123456789

        def shown(m, path, follow=True):
            status = m.stat(path, follow_symlinks=follow)
            return (status.st_mode, status.st_nlink, status.st_uid, status.st_gid, status.st_size,
                    status.st_mtime_ns, status.st_atime_ns, status.st_mtime, status[8])

        def step(m, o, f):
            results = []
            m.utime(f + "file", ns=(time, time + 1))
            results.append(shown(m, f + "file"))
            m.utime(f + "file", (1.5, 2000000000.25))
            m.chmod(f + "file", 0o4751)
            results.append(shown(m, f + "file"))
            with o(f + "file", "r+b") as file:
                target = file.fileno() if m is os else file
                m.truncate(target, 5)
                m.chmod(target, 0o600)
                m.utime(target, ns=(time, time))
                results.append(shown(m, target))
                m.utime(target)
                results.append(m.stat(target).st_mtime_ns > time)
            m.truncate(f + "file", 100000)
            results.append(m.stat(f + "file").st_size)
            m.symlink("file", f + "link")
            m.utime(f + "link", ns=(7, 8), follow_symlinks=False)
            results.append(shown(m, f + "link", False))
            return results
        self.both(step)
        for bad in (lambda m, o, f: m.chmod(f + "x", 0o700), lambda m, o, f: m.truncate(f, 0),
                    lambda m, o, f: m.truncate(f + "file", -1)):
            self.both(bad)
        with self.assertRaises(FileNotFoundError) as caught:
            lkl.utime(self.root / "x")
        self.assertEqual(caught.exception.filename, self.root / "x")
        with self.assertRaises(ValueError):
            lkl.utime(self.root, (1, 1), ns=(1, 1))

    def test_owners_by_the_kernel_of_ours(self):
        path = self.root / "owned"
        lkl.open(path, "w").close()
        lkl.chown(path, 1000, 70000)
        lkl.chown(path, -1, 1001)
        lkl.symlink("owned", self.root / "link")
        lkl.lchown(self.root / "link", 7, 8)
        self.assertEqual((lkl.stat(path).st_uid, lkl.stat(path).st_gid), (1000, 1001))
        self.close()
        self.assertRegex(run("debugfs", "-R", "stat /owned", self.image), r"User: +1000 +Group: +1001")
        self.assertRegex(run("debugfs", "-R", "stat /link", self.image), r"User: +7 +Group: +8")

    def test_devices(self):
        for number in (os.makedev(8, 1), os.makedev(259, 70000)):
            path = self.root / f"device{number}"
            lkl.mknod(path, stat.S_IFBLK | 0o660, number)
            self.assertEqual(lkl.stat(path).st_rdev, number)
            self.assertTrue(stat.S_ISBLK(lkl.stat(path).st_mode))

    def test_extended_attributes(self):
        path = self.root / "file"
        with lkl.open(path, "w") as file:
            lkl.setxattr(path, "user.one", b"1")
            lkl.setxattr(file, b"user.two", bytearray(b"\0\xff"), os.XATTR_CREATE)
            with self.assertRaises(FileExistsError):
                lkl.setxattr(file, "user.two", b"", os.XATTR_CREATE)
            self.assertEqual(sorted(lkl.listxattr(file)), ["user.one", "user.two"])
            self.assertEqual(lkl.getxattr(path, "user.two"), b"\0\xff")
            lkl.removexattr(path, "user.one")
            with self.assertRaises(OSError) as caught:
                lkl.getxattr(path, "user.one")
            self.assertEqual((caught.exception.errno, caught.exception.filename), (errno.ENODATA, path))
        lkl.symlink("file", self.root / "link")
        lkl.setxattr(self.root / "link", "trusted.x", b"of the link", follow_symlinks=False)
        self.assertEqual(lkl.listxattr(self.root / "link", follow_symlinks=False), ["trusted.x"])
        self.assertEqual(lkl.listxattr(self.root / "link"), ["user.two"])

    def test_scandir(self):
        self.write("file")
        self.both(lambda m, o, f: m.mkdir(f + "folder"))
        self.both(lambda m, o, f: m.symlink("folder", f + "link"))
        self.both(lambda m, o, f: m.symlink("nowhere", f + "dangling"))

        def step(m, o, f):
            with m.scandir(f) as entries:
                return sorted((e.name, os.path.relpath(os.fspath(e), f), e.is_dir(), e.is_file(), e.is_symlink(),
                               e.is_dir(follow_symlinks=False), e.inode() == m.lstat(e.path).st_ino,
                               e.stat(follow_symlinks=False).st_nlink) for e in entries)
        self.both(step)
        entries = lkl.scandir(self.image_folder)
        next(entries)
        entries.close()
        self.assertEqual(list(entries), [])

    def test_large_directory(self):
        for number in range(2000):
            lkl.mknod(f"{self.image_folder}/a name that is not short {number}", stat.S_IFREG | 0o600)
        self.assertEqual(len(set(lkl.listdir(self.image_folder))), 2000)

    def test_walk(self):
        for name in ("a/b/c", "a/d", "e"):
            self.both(lambda m, o, f, name=name: m.makedirs(f + name))
        self.both(lambda m, o, f: m.symlink("../a", f + "e/link"))
        self.write("a/b/file")
        for options in ({}, {"topdown": False}, {"followlinks": True}):
            self.both(lambda m, o, f, options=options: sorted(
                (os.path.relpath(folder, f), sorted(folders), sorted(files))
                for folder, folders, files in m.walk(f, **options)))

        def pruned(m, o, f):
            seen = []
            for folder, folders, _ in m.walk(f):
                folders[:] = sorted(name for name in folders if name != "b")
                seen.append(os.path.relpath(folder, f))
            return seen
        self.both(pruned)

        def failed(m, o, f):
            errors = []
            return list(m.walk(f + "missing", onerror=lambda e: errors.append(e.errno))), errors
        self.both(failed)

    def test_working_directory(self):
        lkl.chdir(self.image_folder)
        self.assertEqual(lkl.getcwd(), self.image_folder)
        lkl.mkdir("here")
        self.assertEqual(lkl.listdir(), ["here"])
        lkl.chdir("/")

    def test_space(self):
        before = lkl.statvfs(self.root)
        with lkl.open(self.root / "file", "wb") as file:
            file.write(bytes(3 << 20))
            lkl.fsync(file)
            after = lkl.statvfs(file)
        self.assertGreaterEqual((before.f_bfree - after.f_bfree) * before.f_frsize, 3 << 20)
        self.assertEqual(before.f_namemax, 255)
        self.assertEqual(before.f_flag & os.ST_RDONLY, 0)

    def test_other_mounts(self):
        lkl.mkdir("/tmp")
        lkl.mount("none", "/tmp", "tmpfs", options="mode=0700")
        self.assertEqual(stat.S_IMODE(lkl.stat("/tmp").st_mode), 0o700)
        lkl.umount("/tmp")
        with self.assertRaises(OSError) as caught:
            lkl.mount("none", "/tmp", "nothing")
        self.assertEqual(caught.exception.errno, errno.ENODEV)

    def test_sync_brings_all_to_the_disk(self):
        data = os.urandom(100000)
        with lkl.open(self.root / "file", "wb") as file:
            file.write(data)
        lkl.sync()
        copy = self.image + ".copy"
        run("cp", self.image, copy)
        self.image, image = copy, self.image
        self.assertEqual(digest(self.stored("/file")), digest(data))
        self.image = image


unittest.main()
