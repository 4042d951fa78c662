// SPDX-License-Identifier: GPL-2.0
#include "io/timer_descriptor.h"

#include <sys/timerfd.h>

#include <cerrno>

#include "posix/event_counter.h"

namespace lkl::host {

int TimerDescriptor::open() {
  timer_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  return timer_ ? 0 : -errno;
}

void TimerDescriptor::set(uint64_t at_ns) {
  set_alarm(timer_.get(), at_ns);
}

}  // namespace lkl::host
