// SPDX-License-Identifier: GPL-2.0
#include "host_clock.h"

#include <fcntl.h>
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

// Without a file to stamp, it is as near as can be. An access time, and that alone: who looks at
// the time of a change gets a finer one next time, which takes the host longer, and pushes others
// on.
timespec HostClock::time_of_host() const {
  constexpr timespec kAccessed[] = {{.tv_sec = 0, .tv_nsec = UTIME_NOW},
                                    {.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
  struct statx status;
  if (futimens(stamped_.get(), kAccessed) != 0 ||
      statx(stamped_.get(), "", AT_EMPTY_PATH, STATX_ATIME, &status) != 0)
    return ticking_clock();
  return {.tv_sec = status.stx_atime.tv_sec, .tv_nsec = status.stx_atime.tv_nsec};
}

void HostClock::follow() const {
  set_clock(time_of_host());
}

HostClock::At::At(const timespec& time) {
  set_clock(time);
}

HostClock::At::~At() {
  set_clock(ticking_clock());
}

}  // namespace lkl::fuse
