// SPDX-License-Identifier: GPL-2.0
// Where a thread of the library is held while another one forks.
#pragma once

#include <atomic>

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
  // By the thread that is to be held, where it holds nothing itself; returns when it is open.
  void park() {
    for (int asked = kClosed; state_.compare_exchange_strong(asked, kParked); asked = kClosed) {
      state_.notify_all();
      state_.wait(kParked);
    }
  }

  // By whoever forks. The thread has to be woken so that it parks.
  void close() { state_.store(kClosed); }
  void wait_parked() { state_.wait(kClosed); }
  void open() {
    state_.store(kOpen);
    state_.notify_all();
  }

 private:
  static constexpr int kOpen = 0, kClosed = 1, kParked = 2;
  std::atomic<int> state_ = kOpen;
};

}  // namespace lkl::host
