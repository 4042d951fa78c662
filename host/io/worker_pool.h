// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <mutex>

#include "host.h"
#include "io/event_loop.h"

namespace lkl::host {

// A bounded number of threads for what blocks, started with the first operation. What has
// ended is collected by the thread that waits on the loop.
class WorkerPool final {
 public:
  static constexpr unsigned kMaxThreads = 4;

  // `loop` is kicked when an operation has ended.
  explicit WorkerPool(EventLoop& loop) : loop_(loop) {}
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void submit(IoOperation& operation);
  // What has ended, with its result.
  IoOperationList take_ended();
  void after_fork_child();

 private:
  void work();
  // False if the host gives us no thread at all.
  bool have_thread();

  EventLoop& loop_;
  std::mutex mutex_;
  std::condition_variable work_ready_;
  IoOperationList waiting_;
  unsigned number_waiting_ = 0;
  IoOperationList ended_;
  std::array<host::Thread, kMaxThreads> threads_;
  unsigned started_ = 0;
  unsigned idle_ = 0;
  bool stop_ = false;
};

}  // namespace lkl::host
