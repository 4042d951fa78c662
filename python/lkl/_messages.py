# SPDX-License-Identifier: GPL-2.0
"""The kernel's messages, handed to a function.

The kernel prints on any thread and in the middle of its work: no Python can run there. The text
goes through a pipe (native/messages.c) to a thread of ours, which calls the function. That may do
what it likes, call the kernel as well. If it is too slow for the pipe, messages are lost.
"""
from __future__ import annotations

import fcntl
import os
import threading
import traceback
from typing import Callable, Optional

from ._native import lib

_END = b"\0\n"
_ROOM = 1 << 20


class Messages:
    def __init__(self, function: Callable[[str], object]) -> None:
        self._function = function
        self._pipe = (-1, -1)
        self._thread: Optional[threading.Thread] = None
        self._begin()

    def _begin(self) -> None:
        read, write = self._pipe = os.pipe()
        os.set_blocking(write, False)
        try:
            fcntl.fcntl(write, 1031, _ROOM)  # F_SETPIPE_SZ; fcntl has the name since Python 3.10
        except OSError:
            pass  # the user's limit; the usual room it is
        self._thread = threading.Thread(target=self._run, args=(read,), name="lkl-messages",
                                        daemon=True)
        self._thread.start()
        lib.lkl_python_print_to(write)

    def _run(self, read: int) -> None:
        with open(read, "rb", closefd=False) as lines:
            for line in lines:
                if line == _END:
                    break
                try:
                    self._function(line.decode(errors="replace"))
                except Exception:  # the next message may do better
                    traceback.print_exc()
        os.close(read)

    def end(self) -> None:
        """To be called when the kernel is gone: waits until all it said was handed over."""
        lib.lkl_python_print_to(-1)
        write = self._pipe[1]
        assert self._thread is not None
        if self._thread is not threading.current_thread():
            # the end of the file is none while a child of a fork has the pipe open, too
            os.set_blocking(write, True)
            os.write(write, _END)
            self._thread.join()
        os.close(write)

    def after_fork(self) -> None:
        """In the child, where the thread is not: its kernel gets its own."""
        for fd in self._pipe:
            os.close(fd)
        self._begin()
