// SPDX-License-Identifier: GPL-2.0
// All of it, where pread(2) and pwrite(2) may do less than they were asked to.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace lkl::host {

template <typename Call, typename Byte>
int transfer_whole(Call call, int fd, Byte* at, uint64_t length, uint64_t offset) {
  while (length > 0) {
    const ssize_t count = call(fd, at, length, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? -errno : -EIO;
    at += count;
    length -= static_cast<uint64_t>(count);
    offset += static_cast<uint64_t>(count);
  }
  return 0;
}

// 0 or -errno; -EIO if the file ends before.
inline int read_whole(int fd, std::byte* to, uint64_t length, uint64_t offset) {
  return transfer_whole(pread, fd, to, length, offset);
}
inline int write_whole(int fd, const std::byte* from, uint64_t length, uint64_t offset) {
  return transfer_whole(pwrite, fd, from, length, offset);
}

}  // namespace lkl::host
