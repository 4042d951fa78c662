// SPDX-License-Identifier: GPL-2.0
// Where a thread of the library is held while another one forks.
#pragma once

#include <atomic>
#include <cstdint>

#include "host.h"

namespace lkl::host {

//            close()            park(), by the thread that is held
//   kOpen ----------> kClosed ----------> kParked
//     ^                  |                   |
//     +------------------+------ open() -----+
//
// One word: whoever closes it anew before the thread has seen that it was open waits until the
// thread has parked anew, and does not take it for parked while it is on its way out.
class Gate final {
 public:
  bool closed() { return state_.load() != kOpen; }
  // By the thread that is to be held, where it holds nothing itself. True when it is open; false
  // if it is not by then (monotonic_ns() domain): the thread is parked all the same, until it
  // comes again.
  bool park(uint64_t deadline_ns = UINT64_MAX) {
    for (;;) {
      int found = kClosed;
      if (state_.compare_exchange_strong(found, kParked))
        host::wake_one(state_);
      else if (found == kOpen)
        return true;
      else if (deadline_ns != UINT64_MAX && host::monotonic_ns() >= deadline_ns)
        return false;
      host::wait_on(state_, kParked, deadline_ns);
    }
  }

  // By whoever forks. The thread has to be woken so that it parks.
  void close() { state_.store(kClosed); }
  void wait_parked() {
    while (state_.load() == kClosed) host::wait_on(state_, kClosed, UINT64_MAX);
  }
  void open() {
    state_.store(kOpen);
    host::wake_one(state_);
  }

 private:
  static constexpr int kOpen = 0, kClosed = 1, kParked = 2;
  std::atomic<int> state_ = kOpen;
};

}  // namespace lkl::host
