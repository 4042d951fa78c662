// SPDX-License-Identifier: GPL-2.0
#include "host_clock.h"

#include <lkl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lkl::fuse {

namespace {

timespec ticking_clock() {
  timespec time;
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return time;
}

void set_clock(const timespec& to) {
  const struct __lkl__kernel_timespec time = {.tv_sec = to.tv_sec, .tv_nsec = to.tv_nsec};
  lkl_sys_clock_settime(LKL_CLOCK_REALTIME, &time);
}

}  // namespace

HostClock::HostClock() : stamped_(memfd_create("lklfuse-clock", MFD_CLOEXEC)) {}

// Without a file to stamp, it is as near as can be.
timespec HostClock::time_of_host() const {
  struct stat status;
  if (pwrite(stamped_.get(), "", 1, 0) != 1 || fstat(stamped_.get(), &status) != 0)
    return ticking_clock();
  return status.st_mtim;
}

// The first stamp after a tick of the host's is the tick, which may be earlier than what was set
// without asking; another one is finer, and no later stamp of the host's is earlier than that.
void HostClock::stamp_and_follow() {
  constexpr int kTries = 5;
  timespec time = time_of_host();
  for (int i = 1; i < kTries && is_earlier(time, ahead_); ++i) time = time_of_host();
  set_clock(time);
  ahead_ = {};
}

void HostClock::run_ahead() {
  clock_gettime(CLOCK_REALTIME, &ahead_);
  set_clock(ahead_);
}

void HostClock::follow() {
  const std::lock_guard lock(mutex_);
  stamp_and_follow();
}

void HostClock::follow_alone(const std::atomic<int>& collecting) {
  const std::lock_guard lock(mutex_);
  if (collecting > 0)
    stamp_and_follow();
  else
    run_ahead();
}

void HostClock::have_host_catch_up() {
  const std::lock_guard lock(mutex_);
  if (ahead_.tv_sec != 0) stamp_and_follow();
}

HostClock::At::At(HostClock& clock, const timespec& time) : clock_(clock) {
  const std::lock_guard lock(clock_.mutex_);
  set_clock(time);
}

HostClock::At::~At() {
  const std::lock_guard lock(clock_.mutex_);
  clock_.run_ahead();
}

}  // namespace lkl::fuse
