# SPDX-License-Identifier: GPL-2.0
"""Kernel, Disk and Mount."""
from __future__ import annotations

import atexit
import itertools
import os
import weakref
from types import TracebackType
from typing import Any, Callable, Optional, TypeVar, Union

from ._call import StrOrBytesPath, check, path_bytes
from ._messages import Messages
from ._native import ffi, lib

_ON_PANIC = {"abort": lib.LKL_ON_PANIC_ABORT, "error": lib.LKL_ON_PANIC_ERROR,
             "wait": lib.LKL_ON_PANIC_WAIT}

_Self = TypeVar("_Self", bound="_Closable")
_current: Optional["Kernel"] = None
_order = itertools.count()


class _Closable:
    """What `with` closes, in the process that opened it. The child of a fork shares the image with
    its parent: it must not write what it has of it because it leaves a block, or ends."""

    def __init__(self) -> None:
        self._process = os.getpid()

    def _is_ours(self) -> bool:
        return self._process == os.getpid()

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if self._is_ours():
            self.close()


class Kernel(_Closable):
    """The kernel of this process, booted; one at a time. To be closed, or used by `with`.

    memory        bytes, or as the kernel writes sizes: "256M"
    loglevel      messages of this number and above are not printed: 0 for none, 8 for all
    command_line  more words for the kernel's command line
    messages      a function that is called with each line the kernel prints, on a thread of its
                  own; None for silence
    on_panic      what becomes of the process when the kernel has panicked: "abort", "error" (calls
                  raise OSError from then on) or "wait" (for a debugger)
    """

    def __init__(self, *, memory: Union[int, str] = "256M", loglevel: int = 4,
                 command_line: str = "", messages: Optional[Callable[[str], object]] = None,
                 on_panic: str = "abort") -> None:
        global _current
        if isinstance(memory, int):
            memory = f"{memory // 1024}K"
        command = f"mem={memory} loglevel={loglevel} {command_line}".encode()
        if on_panic not in _ON_PANIC:
            raise ValueError(f"on_panic={on_panic!r}: one of {', '.join(_ON_PANIC)}")
        super().__init__()
        self._mounts: list[Mount] = []
        self._disks: list[Disk] = []
        # files as they were opened: the newest last, and only those that somebody has
        self._files: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self._messages: Optional[Messages] = None

        check(lib.lkl_init(ffi.addressof(lib, "lkl_host_ops")))
        try:
            check(lib.lkl_set_on_panic(_ON_PANIC[on_panic]))
            if messages is None:
                lib.lkl_python_print_to(-1)
            else:
                self._messages = Messages(messages)
            check(lib.lkl_start_kernel(b"%s", ffi.new("char[]", command)))
        except BaseException:
            self._cleanup()
            raise
        _current = self

    @property
    def closed(self) -> bool:
        """Whether it was halted."""
        return _current is not self

    def close(self) -> None:
        """Closes what is open still (files, then mounts, the newest first), and halts.

        Whatever of that fails, the rest is done, and the first error raised: what was written is
        on the disks then, unless the error says otherwise.
        """
        global _current
        if _current is not self:
            return
        errors: list[Exception] = []

        def attempt(function: Callable[[], object]) -> None:
            try:
                function()
            except (OSError, ValueError) as error:
                errors.append(error)

        for key in sorted(self._files, reverse=True):
            file = self._files.get(key)
            if file is not None:
                attempt(file.close)
        for mount in reversed(self._mounts[:]):
            attempt(mount.close)
        attempt(lambda: check(lib.lkl_sys_halt()))
        _current = None
        for disk in reversed(self._disks[:]):
            attempt(disk._remove)
        self._cleanup()
        if errors:
            raise errors[0]

    def _cleanup(self) -> None:
        lib.lkl_cleanup()
        if self._messages is not None:
            self._messages.end()
            self._messages = None

    def __repr__(self) -> str:
        return f"<lkl.Kernel {'closed' if self.closed else 'running'}>"


def running() -> Kernel:
    """The kernel that runs; OSError (ENODEV) if there is none."""
    if _current is None:
        check(-19)
    assert _current is not None
    return _current


def remember_file(kernel: Kernel, file: Any) -> None:
    """Its close() is to close the file, if nobody else does."""
    kernel._files[next(_order)] = file


def _at_exit() -> None:
    if _current is not None and _current._is_ours():
        _current.close()


def _after_fork() -> None:
    if _current is not None and _current._messages is not None:
        _current._messages.after_fork()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)


class Disk(_Closable):
    """A disk of the kernel: an image file or block device of the host, or memory.

    image           a path (as str, if it contains no "://" and does not begin with "mem:";
                    as bytes or pathlib.Path always), nbd://HOST/EXPORT and the other URIs of
                    lkl_disk_open(3), mem:SIZE
    read_only       the kernel cannot write
    snapshot        what is written is gone with the disk, the image is only read
    lock            lock the image against other processes
    wait_for_space  when the host's disk is full wait, instead of an I/O error
    """

    def __init__(self, image: StrOrBytesPath, *, read_only: bool = False, snapshot: bool = False,
                 lock: bool = True, wait_for_space: bool = False) -> None:
        uri = path_bytes(image)
        if not isinstance(image, str):
            uri = b"file:" + uri
        flags = _disk_flags(read_only, snapshot, lock, wait_for_space)
        disk = ffi.new("struct lkl_disk *")
        kernel = running()
        self._adopt(kernel, disk, check(lib.lkl_disk_open(disk, uri, flags), image),
                    repr(image), read_only, None)

    @classmethod
    def from_memory(cls, memory: Any, *, read_only: bool = False) -> "Disk":
        """A disk in memory: that of an object like bytearray or mmap, which is written to; or so
        many bytes, zeroed and gone with the disk. The size is a multiple of 512."""
        kernel = running()
        options = ffi.new("struct lkl_disk_options *")
        options.struct_size = ffi.sizeof("struct lkl_disk_options")
        options.flags = lib.LKL_DISK_MEMORY | _disk_flags(read_only, False, True, False)
        view = None
        if isinstance(memory, int):
            options.size = memory
        else:
            view = ffi.from_buffer("char[]", memory, require_writable=not read_only)
            options.size = len(view)
            options.memory = view
        disk = ffi.new("struct lkl_disk *")
        self = cls.__new__(cls)
        try:
            number = check(lib.lkl_disk_add_options(disk, options))
        except BaseException:
            if view is not None:
                ffi.release(view)
            raise
        self._adopt(kernel, disk, number, "in memory", read_only, view)
        return self

    def _adopt(self, kernel: Kernel, disk: Any, number: int, name: str, read_only: bool,
               view: Any) -> None:
        super().__init__()
        self._kernel: Optional[Kernel] = kernel
        self._disk = disk
        self._view = view
        self._name = name
        self._id = number
        self.read_only = read_only
        kernel._disks.append(self)

    @property
    def id(self) -> int:
        """The number by which lkl_mount_dev(3) and others know it."""
        return self._id

    @property
    def closed(self) -> bool:
        return self._kernel is None

    def device(self, partition: int = 0) -> int:
        """Device number, as in st_rdev, of a partition or (0) of the whole disk."""
        if self.closed:
            raise ValueError("the disk is closed")
        number = ffi.new("uint32_t *")
        check(lib.lkl_get_virtio_blkdev(self._id, partition, number))
        return int(number[0])

    def close(self) -> None:
        """Takes it from the kernel. OSError (EBUSY) while something of it is mounted."""
        if self._kernel is None:
            return
        if any(mount._disk is self for mount in self._kernel._mounts):
            check(-16)
        self._remove()

    def _remove(self) -> None:
        assert self._kernel is not None
        self._kernel._disks.remove(self)
        self._kernel = None
        result = lib.lkl_disk_remove(self._disk[0])
        if self._view is not None:
            ffi.release(self._view)
        check(result)

    def __repr__(self) -> str:
        return f"<lkl.Disk {self._name}{' closed' if self.closed else ''}>"


def _disk_flags(read_only: bool, snapshot: bool, lock: bool, wait_for_space: bool) -> int:
    chosen = ((read_only, lib.LKL_DISK_READ_ONLY), (snapshot, lib.LKL_DISK_SNAPSHOT),
              (not lock, lib.LKL_DISK_NO_LOCK), (wait_for_space, lib.LKL_DISK_WAIT_FOR_SPACE))
    return sum(flag for want, flag in chosen if want)


class Mount(_Closable):
    """A mounted file system of a disk. `mount / "etc/passwd"` is a path in it, and it is a path.

    type       as the kernel names it; None tries all of them
    partition  0 for the whole disk
    read_only  None: if the disk is
    flags      MS_... of mount(2)
    options    the file system's own, with commas between them
    timeout    how many seconds close() waits for the last user
    """

    def __init__(self, disk: Disk, *, type: Optional[str] = None, partition: int = 0,
                 read_only: Optional[bool] = None, flags: int = 0, options: str = "",
                 timeout: float = 1.0) -> None:
        super().__init__()
        if read_only or (read_only is None and disk.read_only):
            flags |= lib.LKL_MS_RDONLY
        self._device = disk.device(partition)
        kernel = disk._kernel
        path = ffi.new("char[]", 64)
        check(lib.lkl_mount_blkdev(self._device, ffi.NULL if type is None else type.encode(),
                                   flags, options.encode() if options else ffi.NULL, path, 64),
              disk._name)
        self._disk = disk
        self._timeout = timeout
        self._path: str = ffi.string(path).decode()
        # Another thread may have ended that kernel, and have another one.
        if kernel is None or kernel.closed:
            check(-108, disk._name)  # ESHUTDOWN, as of calls that it breaks off
        assert kernel is not None
        self._kernel: Optional[Kernel] = kernel
        kernel._mounts.append(self)

    @property
    def path(self) -> str:
        """Where it is in the kernel's tree."""
        return self._path

    @property
    def closed(self) -> bool:
        return self._kernel is None

    def __fspath__(self) -> str:
        return self._path

    def __truediv__(self, below: Union[str, "os.PathLike[str]"]) -> str:
        return self._path + "/" + os.fspath(below).lstrip("/")

    def close(self) -> None:
        """Writes everything back and unmounts. OSError (EBUSY) while files are open in it: then
        it stays mounted."""
        if self._kernel is None:
            return
        check(lib.lkl_umount_blkdev(self._device, 0, int(self._timeout * 1000)), self._path)
        self._kernel._mounts.remove(self)
        self._kernel = None

    def __repr__(self) -> str:
        return f"<lkl.Mount {self._path}{' closed' if self.closed else ''}>"
