// SPDX-License-Identifier: GPL-2.0
//
// A thread is inside while it is in the library: what it calls then is the host's, as the library
// means it, and its signals wait.
#ifndef LKL_TOOL_PRELOAD_INSIDE_H
#define LKL_TOOL_PRELOAD_INSIDE_H

#include <errno.h>
#include <signal.h>

#include <atomic>

namespace lkl::preload {

struct Thread {
  int inside = 0;
  // Of its task in the kernel; 0 until it has one.
  int task = 0;
  // Signals whose handlers wait until it is outside. Written by handlers of the same thread.
  static constexpr int kMostWaiting = 8;
  volatile int waiting = 0;
  siginfo_t signals[kMostWaiting] = {};
  // What it waits for in the host meanwhile: 0, as long as it does (asked.cc).
  std::atomic<int>* volatile asked = nullptr;
};
// What a signal makes of that.
inline constexpr int kWaitIsOver = -1;
// Read by each call.
extern constinit thread_local Thread this_thread [[gnu::tls_model("initial-exec")]];

// Runs what waits (signals.cc).
void take_waiting_signals();
// Makes the thread known to the kernel.
void learn_task();

class Inside {
 public:
  Inside() : errno_(errno) {
    this_thread.inside++;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~Inside() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    errno = errno_;
    if (--this_thread.inside == 0 && this_thread.waiting != 0) [[unlikely]]
      take_waiting_signals();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  int errno_;
};

// A call of the kernel's, which answers as that does.
template <class Call>
long in_kernel(Call call) {
  const Inside inside;
  if (this_thread.task == 0) [[unlikely]]
    learn_task();
  return static_cast<long>(call());
}

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_INSIDE_H
