// SPDX-License-Identifier: GPL-2.0
// An image has one writer or any number of readers: OFD locks (man 2 fcntl). Such a lock
// belongs to the open file description, which a forked child shares: it is given up by closing,
// never by F_UNLCK, which would take it from the other process as well.
#pragma once

#include <fcntl.h>

#include <cerrno>

#include "host.h"

namespace lkl::host {

// 0; -EBUSY if somebody else has it; -errno. A lock for writing needs a descriptor
// that can write, one for reading any.
inline int lock_image(int fd, bool exclusive) {
  struct flock lock = {};
  lock.l_type = exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  // A disk that is gone has closed its descriptor, and so has given up its lock; but the host may
  // keep the file for the last operations of a ring a moment longer.
  constexpr int kAttempts = 20;
  for (int attempt = 1;; ++attempt) {
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EAGAIN && errno != EACCES) return -errno;
    if (attempt == kAttempts) return -EBUSY;
    host::sleep_ns(5'000'000);
  }
}

// Whether nobody else has it, without taking it.
inline int could_lock_image(int fd, bool exclusive) {
  struct flock lock = {};
  lock.l_type = exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return -errno;
  return lock.l_type == F_UNLCK ? 0 : -EBUSY;
}

}  // namespace lkl::host
