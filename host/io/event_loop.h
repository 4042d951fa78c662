// SPDX-License-Identifier: GPL-2.0
// Where device I/O is started and waited for. One per kernel instance.
//
// Any thread starts operations. One thread, always the same, hands them to the host: what a
// host does for a thread it may give up when that thread ends, and threads of the application
// do. One thread at a time, now this, now that, waits and collects what has ended: the owner.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "io/operation.h"
#include "io/postponed.h"

namespace lkl::host {

// What a descriptor may be ready for; numbers as poll(2) has them.
inline constexpr short kReadable = 1, kWritable = 4;

// Told when a descriptor is ready.
class ReadyHandler {
 public:
  enum class Attention { kWanted, kCanWait, kGiven };

  // `events`: kReadable, kWritable, or others that tell of errors. On the thread that owns the
  // loop; must not block.
  virtual void ready(short events) = 0;
  // Asked from time to time, by one thread at a time: whether others look at the descriptor
  // anyway, and have done so since this was asked before; or whether it can wait if they do at
  // another one.
  virtual Attention attention() { return Attention::kWanted; }

 protected:
  ~ReadyHandler() = default;
};

// A descriptor to be watched. Owned by the caller, who cancels it before it goes.
struct Watch {
  int fd = -1;
  short events = 0;
  ReadyHandler* handler = nullptr;
};

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // ---- starting: any thread, also on a kernel stack (small frames); nothing is allocated ----
  // The operation goes on after the call has returned; exactly one done() for each, on the
  // owner, or on the thread that has kept it (Batch). Neither the descriptor nor the memory
  // may go away before it. The vector itself must stay as well.
  virtual void read(int fd, std::span<const IoVec> to, uint64_t offset, IoCompletion& end);
  virtual void write(int fd, std::span<const IoVec> from, uint64_t offset, IoCompletion& end);
  // What was written before is on stable storage (fdatasync(2)).
  virtual void sync(int fd, IoCompletion& end);
  virtual void run_blocking(BlockingTask& task, IoCompletion& end);

  // ---- readiness: any thread ----
  // Until it is ready once, then again only if watch() is called again (also from ready()).
  virtual void watch(Watch& watch) = 0;
  // When it returns ready() does not run and will not, unless it is ready() that calls.
  virtual void cancel(Watch& watch) = 0;

  // ---- handing over to the host: the one thread for it ----
  // Called when there is something to submit, by whoever has started it. Set once.
  struct SubmitterCall {
    void (*wanted)(void* argument) = nullptr;
    void* argument = nullptr;
  };
  virtual void set_submitter(SubmitterCall call) { submitter_ = call; }
  virtual void submit() = 0;

  // ---- waiting: the owner, one thread at a time ----
  // Until kick(), the deadline (CLOCK_MONOTONIC ns, UINT64_MAX for none), a signal handler,
  // or until there is something to collect(). If descriptors are watched it looks again and again
  // for so long first, without going to sleep: what comes soon is seen sooner.
  // With the deadline kAtOnce it looks, kicked or not.
  static constexpr uint64_t kAtOnce = 1;
  virtual void sleep(uint64_t deadline_ns, uint64_t busy_ns) = 0;
  void sleep(uint64_t deadline_ns) { sleep(deadline_ns, 0); }
  // Calls done() and ready() for what has ended or is ready; how many.
  virtual unsigned collect() = 0;
  // Any thread. Not lost when nobody sleeps: the next sleep() returns at once. Costs an
  // exchange of a word unless the owner sleeps.
  virtual void kick() = 0;
  // What devices have not yet handed to the host.
  Postponed& postponed() { return postponed_; }
  // Nothing is in flight.
  bool idle() const { return in_flight() == 0; }
  // Nor this, and others look at what is watched: nobody has to wait here just now.
  virtual bool attended() { return false; }
  // All of these for a thread that is submitter and owner.
  void wait(uint64_t deadline_ns);

  // Until nothing is in flight; done() runs on the calling thread, which is the owner and
  // submits itself. What is watched is not waited for.
  virtual void quiesce() = 0;
  // In the child of fork(), after quiesce() in the parent: rings and threads have not
  // survived; what is watched goes on being so. 0 or -errno.
  virtual int after_fork_child() = 0;

  // Does it here and now, blocking, and calls done().
  void perform(IoOperation& operation);
  // Leaves it to other threads.
  void pass_on(IoOperation& operation);

  // What the calling thread starts while it exists is handed over at once at its end, or the
  // first of it is kept for the thread to perform() later: if it waits for that anyway,
  // nobody needs to be woken for it. Tasks are never kept.
  class Batch {
   public:
    explicit Batch(EventLoop& loop);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    // nullptr if there is none.
    IoOperation* keep();

   private:
    friend class EventLoop;
    EventLoop& loop_;
    IoOperationList started_;
  };

 protected:
  // Takes them all; any thread.
  virtual void start(IoOperationList&& operations) = 0;
  void finish(IoOperation& operation, int64_t result);
  void want_submitter() const {
    if (submitter_.wanted) submitter_.wanted(submitter_.argument);
  }
  unsigned in_flight() const { return in_flight_.load(); }

 private:
  IoOperation& prepare(IoOperation::Kind kind, IoCompletion& end);
  void begin(IoOperation& operation);
  void transfer(IoOperation::Kind kind, int fd, std::span<const IoVec> vector, uint64_t offset,
                IoCompletion& end);

  SubmitterCall submitter_;
  std::atomic<unsigned> in_flight_ = 0;
  std::atomic<bool> quiescing_ = false;
  Postponed postponed_;

 protected:
  void set_quiescing(bool on) { quiescing_.store(on); }
};

enum class EventLoopKind { kAuto, kUring, kThreads };

// io_uring if the host lets us, else a pool of threads. The environment variable
// LKL_IO=uring|threads decides if kAuto. nullptr, with -errno in `error`: only for kUring on
// a host without, or if the host has no more descriptors for us.
std::unique_ptr<EventLoop> make_event_loop(EventLoopKind kind = EventLoopKind::kAuto,
                                           int* error = nullptr);

}  // namespace lkl::host
