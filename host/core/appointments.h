// SPDX-License-Identifier: GPL-2.0
// What the library is to do at some moment by calls of the kernel's. There is a thread for it as
// long as it takes, and until then an alarm.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "host.h"
#include "io/event_loop.h"
#include "io/timer_descriptor.h"

namespace lkl::host {

class Appointments final : ReadyHandler {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  // Returns when it is to be done again (monotonic_ns()), or kNever. Its calls fail when the kernel
  // ends, and it is to return then.
  using Work = std::function<uint64_t()>;

  explicit Appointments(EventLoop& loop) : loop_(loop) {}
  ~Appointments() { stop(); }
  Appointments(const Appointments&) = delete;
  Appointments& operator=(const Appointments&) = delete;

  // One for each key; the one from before is none any more. 0 or -errno. Not by work itself.
  int set(int key, uint64_t at_ns, Work work);

  // The kernel is no more: waits for work that goes on.
  void stop();

  // fork() of the process: between the first and one of the others. There are none in the child.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  void after_fork_child();

 private:
  struct Appointment {
    uint64_t at_ns;
    uint64_t number;  // of set(): whether it is still the same
    Work work;
  };

  void ready(short events) override;
  Attention attention() override { return Attention::kCanWait; }
  void run();
  void wait_for_next();

  EventLoop& loop_;
  Watch watch_;

  std::mutex mutex_;  // guards what follows
  std::map<int, Appointment> appointments_;
  uint64_t numbers_ = 0;
  bool stopped_ = false, works_ = false;
  TimerDescriptor timer_;
  Thread thread_;
};

}  // namespace lkl::host
