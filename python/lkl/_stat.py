# SPDX-License-Identifier: GPL-2.0
"""What statx(2) and statfs(2) tell, as the module os has it."""
from __future__ import annotations

import os
from typing import Any

from ._call import check
from ._native import ffi, lib


def status(directory: int, path: bytes, flags: int, name: Any) -> os.stat_result:
    raw = ffi.new("struct lkl_statx *")
    check(lib.lkl_sys_statx(directory, path, flags, lib.LKL_STATX_BASIC_STATS, raw), name)
    times = {"atime": raw.stx_atime, "mtime": raw.stx_mtime, "ctime": raw.stx_ctime}
    named: dict[str, Any] = {
        "st_blksize": raw.stx_blksize, "st_blocks": raw.stx_blocks,
        "st_rdev": os.makedev(raw.stx_rdev_major, raw.stx_rdev_minor)}
    for key, time in times.items():
        nanoseconds = time.tv_sec * 10**9 + time.tv_nsec
        named[f"st_{key}"] = nanoseconds / 10**9
        named[f"st_{key}_ns"] = nanoseconds
    return os.stat_result(
        (raw.stx_mode, raw.stx_ino, os.makedev(raw.stx_dev_major, raw.stx_dev_minor),
         raw.stx_nlink, raw.stx_uid, raw.stx_gid, raw.stx_size,
         *(time.tv_sec for time in times.values())), named)


def space(raw: Any) -> os.statvfs_result:
    """Of a struct lkl_statfs."""
    valid = 0x20  # a flag of the kernel's own, as libc leaves it out
    return os.statvfs_result((
        raw.f_bsize, raw.f_frsize, raw.f_blocks, raw.f_bfree, raw.f_bavail,
        raw.f_files, raw.f_ffree, raw.f_ffree, raw.f_flags & ~valid, raw.f_namelen))
