// SPDX-License-Identifier: GPL-2.0
//
// Times of files come from two kernels: the host's, which keeps those of files that it collects
// writes for, and the library's. So the library's clock is set by what the host would stamp a file
// with. That is no clock that can be asked for: it ticks, and is pushed on between two ticks by
// finer times that other files have got. What is made later is never older then.
#ifndef LKL_FUSE_HOST_CLOCK_H
#define LKL_FUSE_HOST_CLOCK_H

#include <time.h>

#include <atomic>
#include <mutex>

#include "base/descriptor.h"

namespace lkl::fuse {

inline bool is_earlier(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

// Thread-safe. To be made before the sandbox is entered.
class HostClock {
 public:
  HostClock();

  // Has the library's kernel stamp what it does from now on with the host's time. To be called
  // before anything is changed.
  void follow();
  // The same for less, before a change that the host stamps nothing for on its own account. It does
  // for files that it collects writes for, `collecting` of them: then it is follow(). Its next
  // stamps may be older until it has caught up.
  void follow_alone(const std::atomic<int>& collecting);
  // When it is about to collect writes for another one, which is counted by now.
  void have_host_catch_up();

  // The library's kernel stamps with `time` while this lives: it has no call to set a change time.
  // Another request that begins meanwhile sets the clock right again; then this has no effect.
  class At {
   public:
    At(HostClock& clock, const timespec& time);
    At(const At&) = delete;
    At& operator=(const At&) = delete;
    ~At();

   private:
    HostClock& clock_;
  };

 private:
  timespec time_of_host() const;
  void stamp_and_follow();
  void run_ahead();

  const tool::Descriptor stamped_;  // a file in memory, or none
  std::mutex mutex_;
  timespec ahead_ = {};  // what was set without asking the host; none if it has caught up
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_HOST_CLOCK_H
