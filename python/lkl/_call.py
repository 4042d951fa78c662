# SPDX-License-Identifier: GPL-2.0
"""What all calls have in common: paths, and errors."""
from __future__ import annotations

import os
from typing import Any, Union

from ._native import ffi, lib

StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


def check(result: int, filename: Any = None, filename2: Any = None) -> int:
    """The result of a call; an OSError (of the subclass that is for it) if it is an error."""
    if result >= 0:
        return result
    text = ffi.string(lib.lkl_strerror(result)).decode()
    raise OSError(-result, text, filename, None, filename2)


def path_bytes(path: StrOrBytesPath) -> bytes:
    """The path as C has it."""
    raw = os.fsencode(path)
    if b"\0" in raw:
        raise ValueError("embedded null byte in a path")
    return raw


def like(path: StrOrBytesPath, raw: bytes) -> Any:
    """A name that the kernel gave: bytes if the path it belongs to is bytes, else str."""
    return raw if isinstance(os.fspath(path), bytes) else os.fsdecode(raw)
