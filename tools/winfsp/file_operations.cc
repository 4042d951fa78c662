// SPDX-License-Identifier: GPL-2.0
//
// Contents of files.
#include <algorithm>

#include <lkl/linux/fs.h>

#include "winfsp/operation.h"

namespace lkl::winfsp {

namespace {

NtStatus read(Volume* volume, void* context, void* buffer, std::uint64_t offset, ULONG length,
              ULONG* transferred) {
  return serve(volume, [&](FileSystem&) -> NtStatus {
    const auto fd = static_cast<unsigned>(OpenFile::of(context).fd());
    *transferred = 0;
    while (*transferred < length) {
      const long long n = check(lkl_sys_pread64(fd, static_cast<char*>(buffer) + *transferred,
                                                length - *transferred,
                                                static_cast<lkl_loff_t>(offset + *transferred)));
      if (n == 0) break;
      *transferred += static_cast<ULONG>(n);
    }
    return *transferred > 0 || length == 0 ? STATUS_SUCCESS : STATUS_END_OF_FILE;
  });
}

// As pwrite(2), or at the end, wherever that is by now.
long long write_some(int fd, const char* from, std::size_t size, std::uint64_t offset,
                     bool at_end) {
  if (!at_end)
    return lkl_sys_pwrite64(static_cast<unsigned>(fd), from, size, static_cast<lkl_loff_t>(offset));
  struct lkl_iovec piece = {};
  piece.iov_base = const_cast<char*>(from);
  piece.iov_len = size;
  return lkl_sys_pwritev2(static_cast<lkl_ulong>(fd), &piece, 1, 0, 0, LKL_RWF_APPEND);
}

NtStatus write(Volume* volume, void* context, void* buffer, std::uint64_t offset, ULONG length,
               BOOLEAN at_end, BOOLEAN constrained, ULONG* transferred, FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    OpenFile& file = OpenFile::of(context);
    const int fd = file.fd_for_writing();
    std::uint64_t left = length;
    *transferred = 0;
    // What is mapped or in Windows' cache is written in whole pages, and must not make it longer.
    if (constrained) {
      const std::uint64_t size = file.stat().size;
      left = at_end || offset >= size ? 0 : std::min<std::uint64_t>(left, size - offset);
    }
    while (left > 0) {
      const long long n = write_some(fd, static_cast<const char*>(buffer) + *transferred, left,
                                     offset + *transferred, at_end);
      // A part is better than none: the rest fails by itself.
      if (n <= 0 && *transferred > 0) break;
      check(n);
      *transferred += static_cast<ULONG>(n);
      left -= static_cast<std::uint64_t>(n);
    }
    *info = fs.info(file);
  });
}

NtStatus flush(Volume* volume, void* context, FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    if (context == nullptr) {
      check(lkl_sys_syncfs(fs.root()));
      return;
    }
    OpenFile& file = OpenFile::of(context);
    const Stat status = file.stat();
    if (status.is_regular() || status.is_directory())
      check(lkl_sys_fsync(static_cast<unsigned>(file.fd())));
    *info = fs.info(file);
  });
}

NtStatus set_file_size(Volume* volume, void* context, std::uint64_t size, BOOLEAN is_allocation,
                       FileInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    OpenFile& file = OpenFile::of(context);
    const std::uint64_t before = file.stat().size;
    // What is allocated is never less than the size.
    if (!is_allocation || size < before)
      check(lkl_sys_ftruncate(static_cast<unsigned>(file.fd_for_writing()),
                              static_cast<lkl_long>(size)));
    else if (size > before)
      reserve_room(file, size);
    *info = fs.info(file);
    if (is_allocation) info->allocated = std::max(info->allocated, size);
  });
}

}  // namespace

void reserve_room(OpenFile& file, std::uint64_t size) {
  if (size == 0) return;
  const long long result = lkl_sys_fallocate(file.fd_for_writing(), LKL_FALLOC_FL_KEEP_SIZE, 0,
                                             static_cast<lkl_loff_t>(size));
  if (result == -LKL_ENOSPC || result == -LKL_EDQUOT) check(result);
}

void add_file_operations(Operations& operations) {
  operations.read = read;
  operations.write = write;
  operations.flush = flush;
  operations.set_file_size = set_file_size;
}

}  // namespace lkl::winfsp
