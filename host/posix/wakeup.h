// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>

namespace lkl::host {

// An eventfd that is written only when the waiter sleeps on it. The kicker sets the
// word first and looks for a sleeper second; the waiter announces itself first and
// looks at the word second: one of them sees the other.
class Wakeup final {
 public:
  Wakeup() = default;
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Before anything else; and after fork, when the descriptor is shared with the parent.
  // 0 or -errno.
  int open();
  int fd() const { return fd_; }

  // Any thread; async-signal-safe.
  void kick();
  // True: go to sleep on fd(), then call awake(). False: there was a kick, or there
  // is one already; it is consumed.
  bool going_to_sleep();
  // `readable`: fd() was.
  void awake(bool readable);

 private:
  int fd_ = -1;
  std::atomic<int> kicked_ = 0;
  std::atomic<int> sleeping_ = 0;
};

}  // namespace lkl::host
