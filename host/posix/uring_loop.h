// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <liburing.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "io/event_loop.h"
#include "posix/wakeup.h"
#include "posix/worker_pool.h"

namespace lkl {

// io_uring: one ring, filled by whoever starts an operation, emptied by the thread
// that waits. The pool serves what only blocks.
class UringLoop final : public EventLoop {
 public:
  // nullptr when the host has no io_uring for us (old kernel, seccomp, sysctl).
  static std::unique_ptr<UringLoop> create();
  ~UringLoop() override;

  void read(int fd, std::span<const iovec> to, uint64_t offset, IoCompletion& end) override;
  void write(int fd, std::span<const iovec> from, uint64_t offset, IoCompletion& end) override;
  void sync(int fd, IoCompletion& end) override;
  void run_blocking(BlockingTask& task, IoCompletion& end) override;
  void wait(uint64_t deadline_ns) override;
  void kick() override { wakeup_.kick(); }
  void quiesce() override;
  void after_fork_child() override;

 private:
  UringLoop() : pool_(wakeup_) {}
  int open();
  int restrict_operations();
  // Calls `prepare(sqe)` and submits. Never loses a request: a full ring is emptied
  // into the kernel first.
  template <typename Prepare>
  void submit(Prepare prepare, void* data);
  void arm_wakeup();
  // Calls done() for what has ended; how many.
  unsigned collect();

  static constexpr unsigned kEntries = 256;

  io_uring ring_ = {};
  std::mutex submit_mutex_;
  std::atomic<unsigned> in_flight_ = 0;
  bool wakeup_armed_ = false;  // the waiter's
  Wakeup wakeup_;
  WorkerPool pool_;
};

}  // namespace lkl
