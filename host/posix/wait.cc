// SPDX-License-Identifier: GPL-2.0
// Sleeping and waking by futex, and by timer.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "host.h"
#include "posix/event_counter.h"

namespace lkl::host {

void wait_on(std::atomic<int>& word, int value, uint64_t deadline_ns) {
  const timespec deadline = {.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000),
                             .tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000)};
  // A raw call: the library's own wrappers are cancellation points.
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value,
          deadline_ns == UINT64_MAX ? nullptr : &deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void wake_one(std::atomic<int>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// ---- alarm ----

Alarm::~Alarm() {
  if (handle_ >= 0) close(static_cast<int>(handle_));
}

int Alarm::open() {
  if (handle_ >= 0) close(static_cast<int>(handle_));
  handle_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  return handle_ < 0 ? -errno : 0;
}

void Alarm::set(uint64_t when_ns) {
  set_alarm(static_cast<int>(handle_), when_ns);
}

void Alarm::sleep() {
  uint64_t times;
  syscall(SYS_read, handle_, &times, sizeof times);
}

}  // namespace lkl::host
