// SPDX-License-Identifier: GPL-2.0
#include "posix/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace lkl::host {

Wakeup::~Wakeup() {
  if (fd_ >= 0) close(fd_);
}

int Wakeup::open() {
  if (fd_ >= 0) close(fd_);
  fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sleeping_.store(0);
  kicked_.store(0);
  return fd_ < 0 ? -errno : 0;
}

void Wakeup::kick() {
  if (kicked_.exchange(1) == 0 && sleeping_.load()) {
    const uint64_t one = 1;
    (void)!::write(fd_, &one, sizeof one);
  }
}

bool Wakeup::going_to_sleep() {
  sleeping_.store(1);
  if (kicked_.load() == 0) return true;
  awake(false);
  return false;
}

void Wakeup::awake(bool readable) {
  sleeping_.store(0);
  if (readable) {
    uint64_t kicks;
    (void)!::read(fd_, &kicks, sizeof kicks);
  }
  kicked_.store(0);
}

}  // namespace lkl::host
