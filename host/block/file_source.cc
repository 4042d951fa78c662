// SPDX-License-Identifier: GPL-2.0
#include "block/file_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "block/image_lock.h"

namespace lkl {

int FileSource::open(int fd, bool lock, std::unique_ptr<FileSource>& result) {
  // the end of a block device is its size
  const off_t size = lseek(fd, 0, SEEK_END);
  if (size < 0) return -errno;
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return -errno;
  if (lock) {
    if (const int error = lock_image(own, false)) {
      close(own);
      return error;
    }
  }
  result.reset(new FileSource(own, static_cast<uint64_t>(size), lock));
  return 0;
}

FileSource::~FileSource() {
  if (locked_) unlock_image(fd_);
  close(fd_);
}

int FileSource::read(std::byte* to, size_t length, uint64_t offset) {
  while (length > 0) {
    const ssize_t count = pread(fd_, to, length, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? -errno : -EIO;
    to += count;
    offset += static_cast<uint64_t>(count);
    length -= static_cast<size_t>(count);
  }
  return 0;
}

}  // namespace lkl
