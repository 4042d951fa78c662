// SPDX-License-Identifier: GPL-2.0
#include "io/worker_pool.h"

#include <cerrno>
#include <memory>
#include <utility>

namespace lkl::host {

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_ready_.notify_all();
  for (host::Thread& thread : threads_) thread.join();
}

bool WorkerPool::have_thread() {
  if (idle_ >= number_waiting_ || started_ == kMaxThreads) return true;
  const int error = threads_[started_].start(
      "lkl-io", [](void* self) { static_cast<WorkerPool*>(self)->work(); }, this);
  if (error == 0) ++started_;
  return started_ > 0;
}

void WorkerPool::submit(IoOperation& operation) {
  {
    const std::lock_guard lock(mutex_);
    ++number_waiting_;
    if (!have_thread()) {
      --number_waiting_;
      operation.result = -EAGAIN;
      ended_.push(operation);
      loop_.kick();
      return;
    }
    waiting_.push(operation);
  }
  work_ready_.notify_one();
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_ready_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    --idle_;
    if (stop_) return;
    IoOperation& operation = *waiting_.pop();
    --number_waiting_;
    lock.unlock();
    operation.result = host::perform(operation);
    lock.lock();
    ended_.push(operation);
    loop_.kick();
  }
}

IoOperationList WorkerPool::take_ended() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ended_, {});
}

void WorkerPool::after_fork_child() {
  for (host::Thread& thread : threads_) thread.fork_forget();
  started_ = idle_ = 0;
  // As they are they belong to threads that are no more: a destructor would wait for
  // these, so there is none.
  std::construct_at(&mutex_);
  std::construct_at(&work_ready_);
}

}  // namespace lkl::host
