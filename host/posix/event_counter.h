// SPDX-License-Identifier: GPL-2.0
// Descriptors that tell who waits of something: counters (eventfd(2)) and alarms (timerfd(2)), both
// of which are O_NONBLOCK.
#pragma once

#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <cstdint>

#include "posix/raw_call.h"

namespace lkl::host {

// The most that a counter can have. With it in there it is not writable: shut for who waits for
// that.
inline constexpr uint64_t kFullCounter = UINT64_MAX - 1;

inline void add_to_counter(int counter, uint64_t number = 1) {
  raw_call(SYS_write, counter, &number, sizeof number);
}

// Of an alarm: it has gone off. Whether there was something.
inline bool empty_counter(int counter) {
  uint64_t number;
  return raw_call(SYS_read, counter, &number, sizeof number) > 0;
}

// Shut, or open again.
inline void shut_counter(int counter, bool shut) {
  if (shut)
    add_to_counter(counter, kFullCounter);
  else
    empty_counter(counter);
}

// An alarm (of CLOCK_MONOTONIC) goes off then, and not for what it was set to before; UINT64_MAX:
// never.
inline void set_alarm(int alarm, uint64_t at_ns) {
  itimerspec when = {};
  if (at_ns != UINT64_MAX) {
    if (at_ns == 0) at_ns = 1;  // zero would be never
    when.it_value.tv_sec = static_cast<time_t>(at_ns / 1'000'000'000);
    when.it_value.tv_nsec = static_cast<long>(at_ns % 1'000'000'000);
  }
  raw_call(SYS_timerfd_settime, alarm, TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace lkl::host
