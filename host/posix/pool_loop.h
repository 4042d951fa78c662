// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <mutex>
#include <vector>

#include "io/event_loop.h"
#include "posix/wakeup.h"
#include "posix/worker_pool.h"

namespace lkl {

// For hosts without io_uring: every operation blocks a thread of the pool.
class PoolLoop final : public EventLoop {
 public:
  PoolLoop();
  ~PoolLoop() override;

  void read(int fd, std::span<const iovec> to, uint64_t offset, IoCompletion& end) override;
  void write(int fd, std::span<const iovec> from, uint64_t offset, IoCompletion& end) override;
  void sync(int fd, IoCompletion& end) override;
  void run_blocking(BlockingTask& task, IoCompletion& end) override;
  void wait(uint64_t deadline_ns) override;
  void kick() override { wakeup_.kick(); }
  void quiesce() override;
  void after_fork_child() override;

 private:
  // An operation as a task: made from a free list, given back at its end.
  struct Operation;
  Operation& take(IoCompletion& end);
  void give_back(Operation& operation);

  Wakeup wakeup_;
  WorkerPool pool_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<Operation*> free_;
};

}  // namespace lkl
