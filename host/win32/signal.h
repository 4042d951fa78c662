// SPDX-License-Identifier: GPL-2.0
// What a wire is waited for by: Windows has no descriptors that tell when they are ready, and what
// is ready is known to this process alone. So a signal is a word of its memory, with a number as
// descriptors have, which event loops watch.
#pragma once

#include <atomic>
#include <cstdint>

#include "descriptor.h"

namespace lkl::host {

// It is ready while it is set, from its alarm on, and while one that it follows is. Any thread, any
// stack, but for its making and its end.
class Signal final {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  int number() const { return number_; }
  void set(bool ready);
  // From this moment on (monotonic_ns()); UINT64_MAX: not for this.
  void set_alarm(uint64_t at_ns);
  // Those of these numbers, which outlive it. The second one only as long as that is wanted.
  void follow(int first, int second);
  void follow_second(bool wanted);

  bool ready(uint64_t now_ns) const;
  // When it will be so without anybody doing anything.
  uint64_t alarm() const;

  // nullptr: it is a number of something else.
  static Signal* of(int number);
  // One that goes when the descriptor is closed.
  static Descriptor make();

 private:
  const int number_;
  std::atomic<bool> set_ = false, second_wanted_ = false;
  std::atomic<uint64_t> alarm_ = UINT64_MAX;
  Signal *first_ = nullptr, *second_ = nullptr;
};

// Told when a signal may have become ready, or its alarm is earlier than before; any thread.
class SignalWatcher {
 public:
  virtual void signalled() = 0;

 protected:
  ~SignalWatcher() = default;
};
void add_watcher(SignalWatcher& watcher);
// When it returns nobody tells it any more.
void remove_watcher(SignalWatcher& watcher);

}  // namespace lkl::host
