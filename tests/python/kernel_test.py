# SPDX-License-Identifier: GPL-2.0
"""Kernel, Disk and Mount: what is opened is closed, in the right order, whoever forgets it."""
import errno
import os
import pathlib
import shutil
import sys
import threading
import unittest
import unittest.mock

import lkl
from image import ImageTest, run


class KernelTest(ImageTest):
    def test_one_at_a_time_and_again(self):
        for _ in range(2):
            with lkl.Kernel(memory=64 << 20) as kernel:
                self.assertFalse(kernel.closed)
                with self.assertRaises(OSError) as caught:
                    lkl.Kernel()
                self.assertEqual(caught.exception.errno, errno.EBUSY)
                lkl.mkdir("/mark")
            self.assertTrue(kernel.closed)
            kernel.close()

    def test_without_a_kernel_it_is_an_error(self):
        for call in (lambda: lkl.Disk(self.image), lambda: lkl.open("/x"), lkl.listdir,
                     lambda: lkl.stat("/")):
            with self.assertRaises(OSError) as caught:
                call()
            self.assertEqual(caught.exception.errno, errno.ENODEV)

    def test_bad_options(self):
        with self.assertRaises(ValueError):
            lkl.Kernel(on_panic="nothing")
        with lkl.Kernel() as kernel:  # nothing was left behind
            self.assertFalse(kernel.closed)

    def test_a_percent_sign_is_no_format(self):
        with lkl.Kernel(command_line="mark=%s%n"):
            lkl.mkdir("/proc")
            lkl.mount("proc", "/proc", "proc")
            with lkl.open("/proc/cmdline") as file:
                self.assertIn("mark=%s%n", file.read())
            lkl.umount("/proc")

    def test_close_closes_what_is_open_and_writes_it(self):
        kernel = lkl.Kernel()
        root = lkl.Mount(lkl.Disk(self.image))
        file = lkl.open(root / "new", "w")
        file.write("kept back by the file object")
        kernel.close()
        self.assertTrue(file.closed)
        self.assertTrue(root.closed)
        self.assertEqual(self.stored("/new"), b"kept back by the file object")
        self.check_image()
        self.assertIn("clean\n", run("dumpe2fs", "-h", self.image).split("Filesystem state:")[1])

    def test_so_does_the_end_of_the_program(self):
        program = f"import lkl; lkl.Kernel(); root = lkl.Mount(lkl.Disk({self.image!r}))\n" \
                  "file = lkl.open(root / 'new', 'w'); file.write('at the end')\n"
        run(sys.executable, "-c", program)
        self.assertEqual(self.stored("/new"), b"at the end")
        self.check_image()

    def test_a_file_of_a_kernel_before_is_nobodys(self):
        with lkl.Kernel():
            old = lkl.FileIO("/old", "w")
            fd = old.fd
            kept = old._fd
        with lkl.Kernel():
            new = lkl.FileIO("/new", "w")
            self.assertEqual(new.fd, fd)
            old._fd = kept  # as if it had not been closed
            with self.assertRaises(ValueError):
                old.write(b"to the wrong file")
            old.close()
            new.write(b"to its own")
            self.assertEqual(lkl.stat("/new").st_size, 10)


class DiskTest(ImageTest):
    def test_read_only_leaves_the_image_alone(self):
        with open(self.image, "rb") as file:
            before = file.read()
        with lkl.Kernel(), lkl.Disk(self.image, read_only=True) as disk, lkl.Mount(disk) as root:
            with self.assertRaises(OSError) as caught:
                lkl.mkdir(root / "new")
            self.assertEqual(caught.exception.errno, errno.EROFS)
        with open(self.image, "rb") as file:
            self.assertEqual(before, file.read())

    def test_a_snapshot_forgets(self):
        with open(self.image, "rb") as file:
            before = file.read()
        with lkl.Kernel(), lkl.Disk(self.image, snapshot=True) as disk, lkl.Mount(disk) as root:
            lkl.mkdir(root / "new")
            self.assertIn("new", lkl.listdir(root))
        with open(self.image, "rb") as file:
            self.assertEqual(before, file.read())

    def test_memory_is_written_to(self):
        with open(self.image, "rb") as file:
            memory = bytearray(file.read())
        with lkl.Kernel(), lkl.Disk.from_memory(memory) as disk, lkl.Mount(disk) as root:
            with lkl.open(root / "new", "wb") as file:
                file.write(b"in memory")
            with self.assertRaises(BufferError):
                memory.clear()
        with open(self.image, "wb") as file:
            file.write(memory)
        self.assertEqual(self.stored("/new"), b"in memory")
        self.check_image()

    def test_memory_that_cannot_be_written_to(self):
        with open(self.image, "rb") as file:
            memory = file.read()
        with lkl.Kernel():
            with self.assertRaises((BufferError, ValueError, TypeError)):
                lkl.Disk.from_memory(memory)
            with lkl.Disk.from_memory(memory, read_only=True) as disk, lkl.Mount(disk) as root:
                self.assertIn("etc", lkl.listdir(root))
            with self.assertRaises(OSError):
                lkl.Disk.from_memory(bytearray(511))
            with lkl.Disk.from_memory(1 << 20) as disk:
                self.assertNotEqual(disk.device(), 0)

    def test_errors_are_of_their_kind(self):
        with lkl.Kernel():
            with self.assertRaises(FileNotFoundError) as caught:
                lkl.Disk(self.folder + "/missing")
            self.assertEqual(caught.exception.filename, self.folder + "/missing")
            with lkl.Disk(self.image) as disk:
                with self.assertRaises(OSError) as caught:
                    lkl.Disk(self.image)  # it is locked
                self.assertEqual(caught.exception.errno, errno.EBUSY)
                with self.assertRaises(FileNotFoundError):
                    lkl.Mount(disk, partition=1)
                with self.assertRaises(OSError) as caught:
                    lkl.Mount(disk, type="vfat")
                self.assertEqual(caught.exception.errno, errno.EINVAL)
            with self.assertRaises(OSError) as caught:
                lkl.Disk("gopher://nowhere")
            self.assertEqual(caught.exception.errno, errno.EPROTONOSUPPORT)
            with self.assertRaises(ValueError):
                disk.device()
            with self.assertRaises(ValueError):
                lkl.Mount(disk)

    def test_paths_that_look_like_addresses(self):
        os.chdir(self.folder)
        self.addCleanup(os.chdir, "/")
        os.rename("disk.img", "mem:1M")
        with lkl.Kernel():
            for image in (pathlib.Path("mem:1M"), b"mem:1M"):
                with lkl.Disk(image) as disk, lkl.Mount(disk) as root:
                    self.assertIn("etc", lkl.listdir(root))

    def test_in_use_it_stays(self):
        with lkl.Kernel(), lkl.Disk(self.image) as disk, lkl.Mount(disk, timeout=0) as root:
            with self.assertRaises(OSError) as caught:
                disk.close()
            self.assertEqual(caught.exception.errno, errno.EBUSY)
            with lkl.open(root / "etc/hostname"):
                with self.assertRaises(OSError) as caught:
                    root.close()
                self.assertEqual(caught.exception.errno, errno.EBUSY)
            self.assertFalse(root.closed)
            self.assertIn("etc", lkl.listdir(root))

    def test_types_are_found(self):
        for maker, size in (("mkfs.vfat", "8M"), ("mkfs.btrfs", "128M"), ("mkfs.exfat", "8M")):
            if not shutil.which(maker):
                print("not tried:", maker)
                continue
            run("truncate", "-s", "0", self.image)
            run("truncate", "-s", size, self.image)
            run(maker, self.image)
            with lkl.Kernel(), lkl.Disk(self.image) as disk, lkl.Mount(disk) as root:
                with lkl.open(root / "file", "w") as file:
                    file.write(maker)
                self.assertEqual(lkl.listdir(root), ["file"])

    def test_partitions(self):
        if not shutil.which("sfdisk"):
            self.skipTest("needs sfdisk (fdisk)")
        disk_image = self.folder + "/partitioned"
        run("truncate", "-s", "18M", disk_image)
        run("sh", "-c", f"echo 2048,16M | sfdisk -q {disk_image}")
        run("dd", f"if={self.image}", f"of={disk_image}", "bs=1M", "seek=1", "conv=notrunc", "status=none")
        with lkl.Kernel(), lkl.Disk(disk_image, read_only=True) as disk:
            with lkl.Mount(disk, partition=1) as root:
                self.assertIn("etc", lkl.listdir(root))
            self.assertRaises(OSError, lkl.Mount, disk)
            self.assertRaises(FileNotFoundError, lkl.Mount, disk, partition=2)

    def test_options_of_the_file_system(self):
        with lkl.Kernel(), lkl.Disk(self.image) as disk:
            with lkl.Mount(disk, type="ext4", options="minixdf", read_only=True) as root:
                self.assertRaises(OSError, lkl.mkdir, root / "new")
            with self.assertRaises(OSError):
                lkl.Mount(disk, type="ext4", options="no_such_option")


class MessagesTest(ImageTest):
    def test_come_as_lines_all_of_them(self):
        said = []
        with lkl.Kernel(loglevel=8, messages=said.append), lkl.Disk(self.image) as disk:
            lkl.Mount(disk).close()
        self.assertTrue(any("Linux version" in line for line in said))
        self.assertTrue(all(line.endswith("\n") for line in said))
        self.assertIn("EXT4-fs (vda): unmounting filesystem", said[-1])

    def test_the_function_may_call_the_kernel_and_fail(self):
        sizes, failures = [], []

        def receive(line):
            if "EXT4-fs" in line:
                sizes.append(lkl.stat("/").st_size)
            elif not failures:
                failures.append(line)
                raise RuntimeError("planted")

        sys.stderr, saved = open(os.devnull, "w", encoding="utf-8"), sys.stderr
        try:
            with lkl.Kernel(loglevel=8, messages=receive), lkl.Disk(self.image) as disk:
                for _ in range(20):
                    lkl.Mount(disk).close()
                while len(sizes) < 20:
                    lkl.stat("/")
        finally:
            sys.stderr.close()
            sys.stderr = saved
        self.assertTrue(failures)

    def test_the_function_may_end_the_kernel(self):
        gone = threading.Event()

        def receive(line):
            if "mounted filesystem" in line:
                kernel.close()
                gone.set()

        kernel = lkl.Kernel(loglevel=8, messages=receive)
        try:
            lkl.Mount(lkl.Disk(self.image))
        except OSError as error:  # the kernel may be gone before mount(2) is through
            self.assertEqual(error.errno, errno.ESHUTDOWN)
        self.assertTrue(gone.wait(60))
        with lkl.Kernel(messages=lambda line: None):
            pass
        self.check_image()

    def test_a_kernel_that_ends_before_its_mount_is_known(self):
        for again in (False, True):
            first = lkl.Kernel()
            disk = lkl.Disk(self.image)
            kernels = [first]
            check = lkl._kernel.check

            def end_behind_the_mount(result, *names):
                value = check(result, *names)
                if names == (disk._name,):
                    first.close()
                    if again:
                        kernels.append(lkl.Kernel())
                return value

            with unittest.mock.patch("lkl._kernel.check", end_behind_the_mount):
                with self.assertRaises(OSError) as caught:
                    lkl.Mount(disk)
            self.assertEqual(caught.exception.errno, errno.ESHUTDOWN)
            self.assertEqual(kernels[-1]._mounts, [])
            kernels[-1].close()
            self.check_image()

    def test_a_function_that_does_not_return_holds_nothing_up(self):
        go = threading.Event()
        with lkl.Kernel(loglevel=8, messages=lambda line: go.wait()), lkl.Disk(self.image) as disk:
            # more than the pipe has room for
            with lkl.open("/dev/kmsg", "wb", buffering=0) if lkl.exists("/dev/kmsg") else \
                    self.kmsg() as log:
                for _ in range(3000):
                    log.write(b"x" * 900)
            with lkl.Mount(disk) as root:
                self.assertIn("etc", lkl.listdir(root))
            go.set()

    def kmsg(self):
        lkl.makedirs("/dev", exist_ok=True)
        lkl.mknod("/dev/kmsg", 0o020600, os.makedev(1, 11))
        return lkl.open("/dev/kmsg", "wb", buffering=0)


class ForkTest(ImageTest):
    PROGRAM = """if True:
        import os, sys, threading
        import lkl
        said = []
        with lkl.Kernel(messages=said.append, loglevel=8), lkl.Disk(sys.argv[1]) as disk, \\
                lkl.Mount(disk) as root:
            child = os.fork()
            if child == 0:
                # it has a kernel of its own, and its messages; at its end the image is left alone
                lkl.mkdir("/mark")
                lkl.mkdir(root / "of the child")
                sys.exit(any(t.name == "lkl-messages" for t in threading.enumerate()) - 1)
            status = os.waitpid(child, 0)[1]
            assert status == 0, status
            assert not lkl.exists("/mark")
            lkl.mkdir(root / "of the parent")
    """

    def test_a_child_has_its_own_kernel_and_leaves_the_image_alone(self):
        run(sys.executable, "-c", self.PROGRAM, self.image)
        self.check_image()
        names = run("debugfs", "-R", "ls -p /", self.image)
        self.assertIn("/of the parent/", names)
        self.assertNotIn("/of the child/", names)


class PanicTest(ImageTest):
    def test_a_process_that_wants_to_survives_it(self):
        block = int(run("debugfs", "-R", "blocks /etc", self.image))
        size = int(run("dumpe2fs", "-h", self.image).split("Block size:")[1].split()[0])
        with open(self.image, "r+b") as file:
            file.seek(block * size + 40)
            file.write(b"XXXX")
        kernel = lkl.Kernel(on_panic="error")
        root = lkl.Mount(lkl.Disk(self.image), options="errors=panic")
        file = lkl.open("/file", "w")
        with self.assertRaises(OSError) as caught:
            lkl.stat(root / "etc/hostname")
        self.assertEqual(caught.exception.errno, errno.ESHUTDOWN)
        with self.assertRaises(OSError):  # it cannot be unmounted any more, and says so
            kernel.close()
        self.assertTrue(kernel.closed)
        file.close()
        with lkl.Kernel():
            self.assertFalse(lkl.exists("/file"))


class ThreadTest(ImageTest):
    def test_a_call_that_waits_lets_others_run(self):
        with lkl.Kernel():
            lkl.mkfifo("/fifo")
            got = []

            def read():
                with lkl.open("/fifo", "rb") as file:
                    got.append(file.read())

            thread = threading.Thread(target=read)
            thread.start()
            with lkl.open("/fifo", "wb") as file:  # waits for the reader, which waits for this
                file.write(b"heard")
            thread.join()
            self.assertEqual(got, [b"heard"])


class ExampleTest(ImageTest):
    def test_list_image(self):
        run("truncate", "-s", "1000000", self.tree + "/large")
        self.make("16M")
        listed = run(sys.executable, os.environ["LKL_EXAMPLES"] + "/list_image.py", self.image)
        self.assertEqual(sorted(listed.splitlines()),
                         ["        22 /etc/hostname", "   1000000 /large"])


unittest.main()
