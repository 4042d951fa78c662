// SPDX-License-Identifier: GPL-2.0
// Where device I/O is started and waited for. One per kernel instance.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

namespace lkl {

// Told when an operation has ended. Owned by the caller, alive until done() runs.
class IoCompletion {
 public:
  // `result`: bytes transferred, or -errno of the host. Runs on the thread that
  // waits on the loop (or in quiesce()); must not block.
  virtual void done(int64_t result) = 0;

 protected:
  ~IoCompletion() = default;
};

// Work that only blocks: run on a thread of the bounded pool.
class BlockingTask {
 public:
  // On a pool thread; the value is what the completion gets.
  virtual int64_t run() = 0;

 protected:
  ~BlockingTask() = default;
};

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // ---- starting: any thread, also on a kernel stack (small frames) ----
  // The operation goes on after the call has returned; exactly one done() for each.
  // Neither the descriptor nor the memory may go away before it. The vector itself
  // must stay as well.
  virtual void read(int fd, std::span<const iovec> to, uint64_t offset, IoCompletion& end) = 0;
  virtual void write(int fd, std::span<const iovec> from, uint64_t offset, IoCompletion& end) = 0;
  // What was written before is on stable storage (fdatasync(2)).
  virtual void sync(int fd, IoCompletion& end) = 0;
  virtual void run_blocking(BlockingTask& task, IoCompletion& end) = 0;

  // ---- waiting: one thread at a time ----
  // Until kick(), the deadline (CLOCK_MONOTONIC ns, UINT64_MAX for none), or the end
  // of an operation, whose done() has run when this returns.
  virtual void wait(uint64_t deadline_ns) = 0;
  // Any thread. Not lost when nobody waits: the next wait() returns at once. Costs an
  // exchange of a word unless the waiter sleeps.
  virtual void kick() = 0;

  // Until nothing is in flight; done() runs on the calling thread. No wait() may be
  // going on.
  virtual void quiesce() = 0;
  // In the child of fork(), after quiesce() in the parent: rings and threads have not
  // survived.
  virtual void after_fork_child() = 0;
};

enum class EventLoopKind { kAuto, kUring, kThreads };

// io_uring if the host lets us, else a pool of threads. The environment variable
// LKL_IO=uring|threads decides if kAuto. nullptr only for kUring on a host without.
std::unique_ptr<EventLoop> make_event_loop(EventLoopKind kind = EventLoopKind::kAuto);

}  // namespace lkl
