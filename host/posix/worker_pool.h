// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "host.h"
#include "io/event_loop.h"
#include "posix/wakeup.h"

namespace lkl {

// A bounded number of threads for what blocks, started with the first task. Ended
// tasks are collected by the thread that waits on the loop.
class WorkerPool final {
 public:
  static constexpr unsigned kMaxThreads = 4;

  // `wakeup` is kicked when a task has ended.
  explicit WorkerPool(Wakeup& wakeup) : wakeup_(wakeup) {}
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void submit(BlockingTask& task, IoCompletion& end);
  // Calls done() for each ended task; how many.
  unsigned collect();
  // Tasks whose done() has not been called.
  unsigned in_flight();
  // Blocks until some task has ended and is not collected.
  void wait_for_one();
  void after_fork_child();

 private:
  struct Job {
    BlockingTask* task;
    IoCompletion* end;
    int64_t result;
  };

  void work();

  Wakeup& wakeup_;
  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::condition_variable result_ready_;
  std::deque<Job> waiting_;
  std::deque<Job> ended_;
  std::vector<std::unique_ptr<host::Thread>> threads_;
  unsigned idle_ = 0;
  unsigned in_flight_ = 0;
  bool stop_ = false;
};

}  // namespace lkl
