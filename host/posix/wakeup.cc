// SPDX-License-Identifier: GPL-2.0
#include "posix/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace lkl {

Wakeup::Wakeup() {
  open();
}

Wakeup::~Wakeup() {
  close(fd_);
}

void Wakeup::open() {
  fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
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
  awake();
  return false;
}

void Wakeup::awake() {
  sleeping_.store(0);
  kicked_.store(0);
}

void Wakeup::renew() {
  close(fd_);
  open();
  awake();
}

}  // namespace lkl
