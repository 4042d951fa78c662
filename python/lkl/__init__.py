# SPDX-License-Identifier: GPL-2.0
"""Linux as a library: the file systems of a Linux kernel, in this process.

    import lkl

    with lkl.Kernel(), lkl.Disk("disk.img") as disk, lkl.Mount(disk) as root:
        print(lkl.listdir(root))
        with lkl.open(root / "etc/hostname") as file:
            print(file.read())

Kernel, Disk and Mount are closed at the end of `with`, by close(), or when the program ends. The
other functions are named as those of the module os (open() as the built-in) and mean the same, for
files of the kernel. Errors are OSError, of the subclass that is for them. Any thread may call
anything, and lets others run meanwhile.
"""
from ._directory import DirEntry, Scan, listdir, scandir, walk
from ._file import FileIO, open
from ._kernel import Disk, Kernel, Mount
from ._os import (access, chdir, chmod, chown, exists, fdatasync, fsync, getcwd, getxattr, isdir,
                  isfile, lchown, link, listxattr, lstat, makedirs, mkdir, mkfifo, mknod, mount,
                  readlink, remove, removexattr, rename, replace, rmdir, setxattr, stat, statvfs,
                  symlink, sync, truncate, umask, umount, unlink, utime)

__all__ = [
    "DirEntry", "Disk", "FileIO", "Kernel", "Mount", "Scan", "access", "chdir", "chmod", "chown",
    "exists", "fdatasync", "fsync", "getcwd", "getxattr", "isdir", "isfile", "lchown", "link",
    "listdir", "listxattr", "lstat", "makedirs", "mkdir", "mkfifo", "mknod", "mount", "open",
    "readlink", "remove", "removexattr", "rename", "replace", "rmdir", "scandir", "setxattr", "stat",
    "statvfs", "symlink", "sync", "truncate", "umask", "umount", "unlink", "utime", "walk"]
