// SPDX-License-Identifier: GPL-2.0
// The descriptors that an event loop watches, and who is told.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "io/event_loop.h"

namespace lkl::host {

class WatchList final {
 public:
  void add(Watch& watch);
  // As EventLoop::cancel().
  void cancel(Watch& watch);
  // Each that is watched now. They may be cancelled as soon as this has returned.
  template <class See>
  void each(See see) {
    const std::lock_guard lock(mutex_);
    for (Watch* const watch : watches_) see(*watch);
  }
  // Tells its handler, unless it was cancelled meanwhile; then it is watched no more. Whether it
  // was told. The loop's owner.
  bool tell(Watch* watch, short events);
  // Others look at all that must not wait, as they have said, and do so.
  bool attended();
  // In the child of fork(): those who held the mutex are no more.
  void after_fork_child();

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable handler_returned_;
  std::vector<Watch*> watches_;
  Watch* running_ = nullptr;  // its ready() runs, on this thread
  std::thread::id runner_;
};

}  // namespace lkl::host
