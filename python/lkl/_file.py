# SPDX-License-Identifier: GPL-2.0
"""Files of the kernel as Python's file objects."""
from __future__ import annotations

import io
import os
import stat
from typing import Any, Optional, Union

from . import _kernel
from ._call import StrOrBytesPath, check, path_bytes
from ._native import ffi, lib
from ._stat import status

_ACCESS = {"r": lib.LKL_O_RDONLY,
           "w": lib.LKL_O_WRONLY | lib.LKL_O_CREAT | lib.LKL_O_TRUNC,
           "x": lib.LKL_O_WRONLY | lib.LKL_O_CREAT | lib.LKL_O_EXCL,
           "a": lib.LKL_O_WRONLY | lib.LKL_O_CREAT | lib.LKL_O_APPEND}


class FileIO(io.RawIOBase):
    """A file of the kernel, unbuffered: what io.FileIO is for the host's. `flags` are more of
    open(2)'s. It has no fileno(): its descriptor, `fd`, is one of the kernel's, not the host's."""

    def __init__(self, path: StrOrBytesPath, mode: str = "r", *, flags: int = 0,
                 permissions: int = 0o666) -> None:
        self._fd = -1
        letters = mode.replace("b", "")
        if letters.replace("+", "") not in _ACCESS or letters.count("+") > 1:
            raise ValueError(f"invalid mode: {mode!r}")
        self._readable = "r" in mode or "+" in mode
        self._writable = mode[0] != "r" or "+" in mode
        access = _ACCESS[letters.replace("+", "")]
        if "+" in mode:
            access = access & ~lib.LKL_O_WRONLY | lib.LKL_O_RDWR
        self._kernel = _kernel.running()
        self._fd = check(lib.lkl_sys_openat(
            lib.LKL_AT_FDCWD, path_bytes(path),
            access | flags | lib.LKL_O_CLOEXEC | lib.LKL_O_LARGEFILE, permissions), path)
        _kernel.remember_file(self._kernel, self)
        self.name = path
        self.mode = letters + "b"
        here = self.stat()
        self.blksize = here.st_blksize
        if stat.S_ISDIR(here.st_mode):
            self.close()
            raise IsADirectoryError(21, os.strerror(21), path)
        if mode[0] == "a" and stat.S_ISREG(here.st_mode):
            self.seek(0, io.SEEK_END)

    @property
    def fd(self) -> int:
        """The kernel's descriptor."""
        if self._fd < 0 or self._kernel.closed:
            raise ValueError("I/O operation on closed file")
        return self._fd

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        fd, self._fd = self._fd, -1
        # that of a kernel which is gone may be another's number by now
        if fd >= 0 and not self._kernel.closed:
            check(lib.lkl_sys_close(fd), self.name)

    def readable(self) -> bool:
        return bool(self.fd >= 0 and self._readable)

    def writable(self) -> bool:
        return bool(self.fd >= 0 and self._writable)

    def seekable(self) -> bool:
        return bool(lib.lkl_sys_lseek(self.fd, 0, io.SEEK_CUR) >= 0)

    def readinto(self, buffer: Any) -> int:
        self._want(self._readable, "not readable")
        with ffi.from_buffer("char[]", buffer, require_writable=True) as raw:
            return check(lib.lkl_sys_read(self.fd, raw, len(raw)))

    def readall(self) -> bytes:
        size = max(self.stat().st_size - self.tell(), 0) if self.seekable() else 0
        parts = []
        while part := self.read(max(size + 1, io.DEFAULT_BUFFER_SIZE)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def write(self, data: Any) -> int:
        self._want(self._writable, "not writable")
        with ffi.from_buffer("char[]", data) as raw:
            return check(lib.lkl_sys_write(self.fd, raw, len(raw)))

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes at an offset, the position untouched."""
        raw = ffi.new("char[]", size)
        count = check(lib.lkl_sys_pread64(self.fd, raw, size, offset))
        return bytes(ffi.buffer(raw, count))

    def pwrite(self, data: Any, offset: int) -> int:
        """Writes at an offset, the position untouched; how many bytes were written."""
        with ffi.from_buffer("char[]", data) as raw:
            return check(lib.lkl_sys_pwrite64(self.fd, raw, len(raw), offset))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As os.lseek(), with SEEK_DATA and SEEK_HOLE too."""
        return check(lib.lkl_sys_lseek(self.fd, offset, whence))

    def truncate(self, size: Optional[int] = None) -> int:
        self._want(self._writable, "not writable")
        if size is None:
            size = self.tell()
        check(lib.lkl_sys_ftruncate(self.fd, size))
        return size

    def stat(self) -> os.stat_result:
        return status(self.fd, b"", lib.LKL_AT_EMPTY_PATH, self.name)

    def _want(self, right: bool, message: str) -> None:
        if not right:
            raise io.UnsupportedOperation(f"file {message}")

    def __repr__(self) -> str:
        return f"<lkl.FileIO name={self.name!r} mode={self.mode!r}{' closed' * self.closed}>"


File = Union[FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper]


def open(path: StrOrBytesPath, mode: str = "r", buffering: int = -1,
         encoding: Optional[str] = None, errors: Optional[str] = None,
         newline: Optional[str] = None) -> Any:
    """As the built-in open(), a file of the kernel."""
    if "b" in mode and "t" in mode:
        raise ValueError("can't have text and binary mode at once")
    binary = "b" in mode
    if binary and (encoding, errors, newline) != (None, None, None):
        raise ValueError("binary mode takes no encoding, errors or newline argument")
    if not binary and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    raw = FileIO(path, mode.replace("t", ""))
    file: Any = raw
    try:
        if buffering != 0:
            size = buffering if buffering > 1 else max(raw.blksize, io.DEFAULT_BUFFER_SIZE)
            kind: Any = io.BufferedReader
            if "+" in mode:
                kind = io.BufferedRandom
            elif raw.writable():
                kind = io.BufferedWriter
            file = kind(raw, size)
        if not binary:
            file = io.TextIOWrapper(file, encoding, errors, newline,
                                    line_buffering=buffering == 1)
            file.mode = mode
    except BaseException:
        raw.close()
        raise
    _kernel.remember_file(raw._kernel, file)
    return file


def descriptor(file: Any) -> int:
    """The kernel's descriptor of a file that was opened here; numbers stay as they are."""
    while not isinstance(file, (int, FileIO)):
        inner = getattr(file, "buffer", None) or getattr(file, "raw", None)
        if inner is None:
            raise TypeError(f"a file of the kernel or its descriptor is wanted, not {file!r}")
        file = inner
    return file.fd if isinstance(file, FileIO) else file
