// SPDX-License-Identifier: GPL-2.0
// An image has one writer or any number of readers: OFD locks (man 2 fcntl).
#pragma once

#include <fcntl.h>

#include <cerrno>

namespace lkl {

// 0; -EBUSY if somebody else has it; -errno. A lock for writing needs a descriptor
// that can write, one for reading any.
inline int lock_image(int fd, bool exclusive) {
  struct flock lock = {};
  lock.l_type = exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
  return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

inline void unlock_image(int fd) {
  struct flock lock = {};
  lock.l_type = F_UNLCK;
  lock.l_whence = SEEK_SET;
  fcntl(fd, F_OFD_SETLK, &lock);
}

}  // namespace lkl
