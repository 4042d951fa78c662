# SPDX-License-Identifier: GPL-2.0
"""The kernel's files by functions that are named as those of the module os, and mean the same.

A path may be str, bytes or a path object (a Mount is one); where os takes a descriptor, a file
object of this package or its descriptor will do.
"""
from __future__ import annotations

import os
import stat as modes
from typing import Any, Optional, Union

from ._call import StrOrBytesPath, check, like, path_bytes
from ._file import File, FileIO, descriptor
from ._native import ffi, lib
from ._stat import space, status

PathOrFile = Union[StrOrBytesPath, int, File]

_HERE = lib.LKL_AT_FDCWD
_LONGEST_PATH = 4096
_LONGEST_ATTRIBUTE = 65536


def _is_open(path: Any) -> bool:
    return isinstance(path, (int, FileIO)) or hasattr(path, "raw") or hasattr(path, "buffer")


def _nofollow(follow_symlinks: bool) -> int:
    return 0 if follow_symlinks else int(lib.LKL_AT_SYMLINK_NOFOLLOW)


# ---- what is there

def stat(path: PathOrFile, *, follow_symlinks: bool = True) -> os.stat_result:
    if _is_open(path):
        return status(descriptor(path), b"", lib.LKL_AT_EMPTY_PATH, path)
    return status(_HERE, path_bytes(path), _nofollow(follow_symlinks), path)  # type: ignore


def lstat(path: StrOrBytesPath) -> os.stat_result:
    return stat(path, follow_symlinks=False)


def exists(path: StrOrBytesPath) -> bool:
    """As os.path.exists()."""
    try:
        stat(path)
    except OSError:
        return False
    return True


def isdir(path: StrOrBytesPath) -> bool:
    """As os.path.isdir()."""
    try:
        return modes.S_ISDIR(stat(path).st_mode)
    except OSError:
        return False


def isfile(path: StrOrBytesPath) -> bool:
    """As os.path.isfile()."""
    try:
        return modes.S_ISREG(stat(path).st_mode)
    except OSError:
        return False


def access(path: StrOrBytesPath, mode: int) -> bool:
    return bool(lib.lkl_sys_faccessat(_HERE, path_bytes(path), mode) == 0)


def statvfs(path: PathOrFile) -> os.statvfs_result:
    raw = ffi.new("struct lkl_statfs *")
    if _is_open(path):
        check(lib.lkl_sys_fstatfs(descriptor(path), raw))
    else:
        check(lib.lkl_sys_statfs(path_bytes(path), raw), path)  # type: ignore[arg-type]
    return space(raw)


def readlink(path: StrOrBytesPath) -> Any:
    raw = ffi.new("char[]", _LONGEST_PATH)
    count = check(lib.lkl_sys_readlinkat(_HERE, path_bytes(path), raw, _LONGEST_PATH), path)
    return like(path, bytes(ffi.buffer(raw, count)))


# ---- names

def mkdir(path: StrOrBytesPath, mode: int = 0o777) -> None:
    check(lib.lkl_sys_mkdirat(_HERE, path_bytes(path), mode), path)


def makedirs(path: StrOrBytesPath, mode: int = 0o777, exist_ok: bool = False) -> None:
    name: Any = os.fspath(path)
    head, tail = os.path.split(name)
    if not tail:
        head, tail = os.path.split(head)
    if head and tail and not exists(head):
        makedirs(head, exist_ok=True)
    try:
        mkdir(name, mode)
    except OSError:
        if not exist_ok or not isdir(name):
            raise


def mknod(path: StrOrBytesPath, mode: int = 0o600, device: int = 0) -> None:
    # the kernel has its own encoding of numbers that are large
    major, minor = os.major(device), os.minor(device)
    number = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)
    check(lib.lkl_sys_mknodat(_HERE, path_bytes(path), mode, number), path)


def mkfifo(path: StrOrBytesPath, mode: int = 0o666) -> None:
    mknod(path, modes.S_IFIFO | mode)


def rmdir(path: StrOrBytesPath) -> None:
    check(lib.lkl_sys_unlinkat(_HERE, path_bytes(path), lib.LKL_AT_REMOVEDIR), path)


def unlink(path: StrOrBytesPath) -> None:
    check(lib.lkl_sys_unlinkat(_HERE, path_bytes(path), 0), path)


remove = unlink


def rename(src: StrOrBytesPath, dst: StrOrBytesPath) -> None:
    check(lib.lkl_sys_renameat2(_HERE, path_bytes(src), _HERE, path_bytes(dst), 0), src, dst)


replace = rename


def link(src: StrOrBytesPath, dst: StrOrBytesPath, *, follow_symlinks: bool = True) -> None:
    flags = lib.LKL_AT_SYMLINK_FOLLOW if follow_symlinks else 0
    check(lib.lkl_sys_linkat(_HERE, path_bytes(src), _HERE, path_bytes(dst), flags), src, dst)


def symlink(src: StrOrBytesPath, dst: StrOrBytesPath) -> None:
    check(lib.lkl_sys_symlinkat(path_bytes(src), _HERE, path_bytes(dst)), src, dst)


def chdir(path: StrOrBytesPath) -> None:
    """For all threads, as always; the kernel's working directory, not the host's."""
    check(lib.lkl_sys_chdir(path_bytes(path)), path)


def getcwd() -> str:
    raw = ffi.new("char[]", _LONGEST_PATH)
    check(lib.lkl_sys_getcwd(raw, _LONGEST_PATH))
    return os.fsdecode(ffi.string(raw))


def umask(mask: int) -> int:
    return check(lib.lkl_sys_umask(mask))


# ---- attributes

def chmod(path: PathOrFile, mode: int) -> None:
    if _is_open(path):
        check(lib.lkl_sys_fchmod(descriptor(path), mode))
    else:
        check(lib.lkl_sys_fchmodat(_HERE, path_bytes(path), mode), path)  # type: ignore[arg-type]


def chown(path: PathOrFile, uid: int, gid: int, *, follow_symlinks: bool = True) -> None:
    """-1 leaves one as it is."""
    uid, gid = uid & 0xffffffff, gid & 0xffffffff
    if _is_open(path):
        check(lib.lkl_sys_fchown(descriptor(path), uid, gid))
    else:
        check(lib.lkl_sys_fchownat(_HERE, path_bytes(path), uid, gid,  # type: ignore[arg-type]
                                   _nofollow(follow_symlinks)), path)


def lchown(path: StrOrBytesPath, uid: int, gid: int) -> None:
    chown(path, uid, gid, follow_symlinks=False)


def utime(path: PathOrFile, times: Optional[tuple[float, float]] = None, *,
          ns: Optional[tuple[int, int]] = None, follow_symlinks: bool = True) -> None:
    """Times of access and change, in seconds or (ns) in nanoseconds; now, if neither is given."""
    if times is not None and ns is not None:
        raise ValueError("utime: both times and ns")
    if times is not None:
        # as integers first: a float has not room for both parts of a time of today
        ns = tuple(int(t // 1) * 10**9 + round(t % 1 * 10**9) for t in times)  # type: ignore
    raw = ffi.NULL
    if ns is not None:
        raw = ffi.new("struct __lkl__kernel_timespec[2]", [divmod(n, 10**9) for n in ns])
    if _is_open(path):
        check(lib.lkl_sys_utimensat(descriptor(path), ffi.NULL, raw, 0))
    else:
        check(lib.lkl_sys_utimensat(_HERE, path_bytes(path), raw,  # type: ignore[arg-type]
                                    _nofollow(follow_symlinks)), path)


def truncate(path: PathOrFile, length: int) -> None:
    if _is_open(path):
        check(lib.lkl_sys_ftruncate(descriptor(path), length))
    else:
        check(lib.lkl_sys_truncate(path_bytes(path), length), path)  # type: ignore[arg-type]


def _xattr(call: str, path: PathOrFile, follow_symlinks: bool, *arguments: Any) -> int:
    if _is_open(path):
        return check(getattr(lib, "lkl_sys_f" + call)(descriptor(path), *arguments))
    function = getattr(lib, "lkl_sys_" + ("" if follow_symlinks else "l") + call)
    return check(function(path_bytes(path), *arguments), path)  # type: ignore[arg-type]


def getxattr(path: PathOrFile, attribute: StrOrBytesPath, *,
             follow_symlinks: bool = True) -> bytes:
    raw = ffi.new("char[]", _LONGEST_ATTRIBUTE)
    count = _xattr("getxattr", path, follow_symlinks, path_bytes(attribute), raw, len(raw))
    return bytes(ffi.buffer(raw, count))


def setxattr(path: PathOrFile, attribute: StrOrBytesPath, value: Any, flags: int = 0, *,
             follow_symlinks: bool = True) -> None:
    """flags: os.XATTR_CREATE, os.XATTR_REPLACE."""
    with ffi.from_buffer("char[]", value) as raw:
        _xattr("setxattr", path, follow_symlinks, path_bytes(attribute), raw, len(raw), flags)


def removexattr(path: PathOrFile, attribute: StrOrBytesPath, *,
                follow_symlinks: bool = True) -> None:
    _xattr("removexattr", path, follow_symlinks, path_bytes(attribute))


def listxattr(path: PathOrFile, *, follow_symlinks: bool = True) -> list[str]:
    raw = ffi.new("char[]", _LONGEST_ATTRIBUTE)
    count = _xattr("listxattr", path, follow_symlinks, raw, len(raw))
    return [os.fsdecode(name) for name in bytes(ffi.buffer(raw, count)).split(b"\0")[:-1]]


# ---- to the disk

def fsync(file: Union[int, File]) -> None:
    """What was written is on the disk when it returns; also what a file object holds back."""
    if not isinstance(file, int):
        file.flush()
    check(lib.lkl_sys_fsync(descriptor(file)))


def fdatasync(file: Union[int, File]) -> None:
    if not isinstance(file, int):
        file.flush()
    check(lib.lkl_sys_fdatasync(descriptor(file)))


def sync() -> None:
    lib.lkl_sys_sync()


# ---- other mounts than those of disks

def mount(source: StrOrBytesPath, target: StrOrBytesPath, type: str, flags: int = 0,
          options: str = "") -> None:
    """mount(2), also of what has no disk: tmpfs, overlay, proc."""
    check(lib.lkl_sys_mount(path_bytes(source), path_bytes(target), type.encode(), flags,
                            ffi.new("char[]", options.encode())), source, target)


def umount(target: StrOrBytesPath, flags: int = 0) -> None:
    check(lib.lkl_sys_umount(path_bytes(target), flags), target)
