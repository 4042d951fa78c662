// SPDX-License-Identifier: GPL-2.0
#include "posix/worker_pool.h"

#include <cerrno>
#include <new>

namespace lkl {

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_ready_.notify_all();
  for (const auto& thread : threads_) thread->join();
}

void WorkerPool::submit(BlockingTask& task, IoCompletion& end) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({&task, &end, 0});
    ++in_flight_;
    if (idle_ < waiting_.size() && threads_.size() < kMaxThreads) {
      auto thread = std::make_unique<host::Thread>();
      const int error = thread->start(
          "lkl-io", [](void* self) { static_cast<WorkerPool*>(self)->work(); }, this);
      if (error == 0) {
        threads_.push_back(std::move(thread));
      } else if (threads_.empty()) {
        waiting_.pop_back();
        ended_.push_back({&task, &end, error});
        wakeup_.kick();
        return;
      }
    }
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
    Job job = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    job.result = job.task->run();
    lock.lock();
    ended_.push_back(job);
    result_ready_.notify_all();
    wakeup_.kick();
  }
}

unsigned WorkerPool::collect() {
  unsigned count = 0;
  std::unique_lock lock(mutex_);
  while (!ended_.empty()) {
    const Job job = ended_.front();
    ended_.pop_front();
    lock.unlock();
    job.end->done(job.result);
    ++count;
    lock.lock();
    --in_flight_;
  }
  return count;
}

unsigned WorkerPool::in_flight() {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

void WorkerPool::wait_for_one() {
  std::unique_lock lock(mutex_);
  result_ready_.wait(lock, [this] { return !ended_.empty() || in_flight_ == 0; });
}

void WorkerPool::after_fork_child() {
  for (const auto& thread : threads_) thread->fork_forget();
  threads_.clear();
  idle_ = 0;
  // As they are they belong to threads that are no more: a destructor would wait for
  // these, so there is none.
  std::construct_at(&mutex_);
  std::construct_at(&work_ready_);
  std::construct_at(&result_ready_);
}

}  // namespace lkl
