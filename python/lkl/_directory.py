# SPDX-License-Identifier: GPL-2.0
"""Directories: scandir(), listdir() and walk(), as in the module os."""
from __future__ import annotations

import os
import stat as modes
import struct
from typing import Any, Callable, Iterator, Optional

from . import _kernel, _os
from ._call import StrOrBytesPath, check, like, path_bytes
from ._native import ffi, lib

_RECORD = struct.Struct("=QqHB")  # of getdents64(2): inode, offset, length, type; then the name
_BUFFER = 32 * 1024
_DT_UNKNOWN, _DT_LNK = 0, 10
_TYPES = {4: modes.S_IFDIR, 8: modes.S_IFREG}


class DirEntry:
    """A name of a directory, as os.DirEntry."""

    def __init__(self, folder: Any, name: Any, inode: int, type: int) -> None:
        self.name = name
        self.path = os.path.join(folder, name)
        self._inode = inode
        self._type = type

    def inode(self) -> int:
        return self._inode

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return _os.stat(self.path, follow_symlinks=follow_symlinks)

    def is_symlink(self) -> bool:
        if self._type == _DT_UNKNOWN:
            return self._is(modes.S_IFLNK, False)
        return self._type == _DT_LNK

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(modes.S_IFDIR, follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(modes.S_IFREG, follow_symlinks)

    def _is(self, wanted: int, follow_symlinks: bool) -> bool:
        if self._type == _DT_UNKNOWN or (self._type == _DT_LNK and follow_symlinks):
            try:
                status = self.stat(follow_symlinks=follow_symlinks)
            except FileNotFoundError:
                return False
            return modes.S_IFMT(status.st_mode) == wanted
        return _TYPES.get(self._type) == wanted

    def __fspath__(self) -> Any:
        return self.path

    def __repr__(self) -> str:
        return f"<lkl.DirEntry {self.name!r}>"


class Scan:
    """The entries of a directory; to be closed, or read to the end, or used by `with`."""

    def __init__(self, path: StrOrBytesPath) -> None:
        self._fd = -1
        self._path = path
        self._folder: Any = os.fspath(path)
        self._kernel = _kernel.running()
        flags = lib.LKL_O_RDONLY | lib.LKL_O_DIRECTORY | lib.LKL_O_CLOEXEC
        self._fd = check(lib.lkl_sys_openat(lib.LKL_AT_FDCWD, path_bytes(path), flags, 0), path)
        self._entries = self._read()

    def _read(self) -> Iterator[DirEntry]:
        buffer = ffi.new("char[]", _BUFFER)
        where = ffi.cast("struct lkl_linux_dirent64 *", buffer)
        while self._fd >= 0 and not self._kernel.closed:
            size = check(lib.lkl_sys_getdents64(self._fd, where, _BUFFER), self._path)
            if size == 0:
                break
            records = bytes(ffi.buffer(buffer, size))
            at = 0
            while at < size:
                inode, _, length, type = _RECORD.unpack_from(records, at)
                name = records[at + _RECORD.size:at + length].split(b"\0", 1)[0]
                at += length
                if name not in (b".", b".."):
                    yield DirEntry(self._folder, like(self._folder, name), inode, type)
        self.close()

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0 and not self._kernel.closed:
            check(lib.lkl_sys_close(fd), self._path)

    def __iter__(self) -> Iterator[DirEntry]:
        return self

    def __next__(self) -> DirEntry:
        if self._fd < 0:
            raise StopIteration
        try:
            return next(self._entries)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> "Scan":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def scandir(path: StrOrBytesPath = ".") -> Scan:
    return Scan(path)


def listdir(path: StrOrBytesPath = ".") -> list[Any]:
    with scandir(path) as entries:
        return [entry.name for entry in entries]


def walk(top: StrOrBytesPath, topdown: bool = True,
         onerror: Optional[Callable[[OSError], object]] = None,
         followlinks: bool = False) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """As os.walk(): (folder, names of folders, names of others), of each folder below."""
    folder: Any = os.fspath(top)
    folders: list[Any] = []
    others: list[Any] = []
    try:
        with scandir(folder) as entries:
            for entry in entries:
                (folders if entry.is_dir() else others).append(entry.name)
    except OSError as error:
        if onerror is not None:
            onerror(error)
        return
    if topdown:
        yield folder, folders, others
    for name in folders:
        path = os.path.join(folder, name)
        if followlinks or not modes.S_ISLNK(_os.lstat(path).st_mode):
            yield from walk(path, topdown, onerror, followlinks)
    if not topdown:
        yield folder, folders, others
