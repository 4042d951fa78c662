// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <poll.h>

#include <mutex>
#include <vector>

#include "io/event_loop.h"
#include "io/watch_list.h"
#include "io/worker_pool.h"
#include "posix/wakeup.h"
#ifdef LKL_HAVE_URING
#include "posix/uring.h"
#endif

namespace lkl::host {

// Operations are done by io_uring, where there is one, or else by the threads of the pool,
// which does the tasks as well. Waiting is ppoll(2), of the ring too.
class HostLoop final : public EventLoop {
 public:
  HostLoop() : pool_(*this) {}
  ~HostLoop() override;

  // 0 or -errno.
  int open(bool with_ring, bool ring_needed);

  void watch(Watch& watch) override;
  void cancel(Watch& watch) override { watches_.cancel(watch); }
  void submit() override;
  using EventLoop::sleep;
  void sleep(uint64_t deadline_ns, uint64_t busy_ns) override;
  unsigned collect() override;
  void kick() override { wakeup_.kick(); }
  bool attended() override;
  void quiesce() override;
  int after_fork_child() override;

 private:
  void start(IoOperationList&& operations) override;
  unsigned collect_operations();
  unsigned collect_ready();
  void fill_poll_set();

  Wakeup wakeup_;
  WorkerPool pool_;

#ifdef LKL_HAVE_URING
  Uring ring_;
  std::atomic<bool> use_ring_ = false;
  std::mutex queue_mutex_;  // guards what follows
  IoOperationList queued_;
#endif

  WatchList watches_;
  std::vector<pollfd> poll_set_;        // the owner's: wakeup, ring, watches
  std::vector<Watch*> polled_watches_;  // of the poll set
};

}  // namespace lkl::host
