// SPDX-License-Identifier: GPL-2.0
#include "posix/host_loop.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "host.h"

namespace lkl::host {
namespace {

static_assert(kReadable == POLLIN && kWritable == POLLOUT);

constexpr size_t kFixed = 2;  // wakeup and ring come first in the poll set

// A raw call: the library's own is a cancellation point, and application threads sleep here.
int poll_until(std::vector<pollfd>& set, uint64_t deadline_ns) {
  timespec timeout = {};
  if (deadline_ns != UINT64_MAX) {
    const uint64_t now = host::monotonic_ns();
    const uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    timeout = {.tv_sec = static_cast<time_t>(left / 1'000'000'000),
               .tv_nsec = static_cast<long>(left % 1'000'000'000)};
  }
  return static_cast<int>(::syscall(SYS_ppoll, set.data(), set.size(),
                                    deadline_ns == UINT64_MAX ? nullptr : &timeout, nullptr, 0));
}

}  // namespace

HostLoop::~HostLoop() {
  quiesce();
}

int HostLoop::open([[maybe_unused]] bool with_ring, bool ring_needed) {
  if (const int error = wakeup_.open()) return error;
  poll_set_.reserve(16);
  polled_watches_.reserve(16);
  int error = -ENOSYS;
#ifdef LKL_HAVE_URING
  if (with_ring) error = ring_.open();
  use_ring_ = ring_.is_open();
#endif
  return ring_needed ? error : 0;
}

// ---- operations ----

void HostLoop::start(IoOperationList&& operations) {
  const host::Unnoticed scope;
#ifdef LKL_HAVE_URING
  bool wanted = false;
  if (use_ring_.load(std::memory_order_relaxed)) {
    IoOperationList tasks;
    {
      const std::lock_guard lock(queue_mutex_);
      while (IoOperation* const operation = operations.pop()) {
        const bool task = operation->kind == IoOperation::Kind::kTask;
        (task ? tasks : queued_).push(*operation);
        wanted |= !task;
      }
    }
    operations = tasks;
  }
#endif
  while (IoOperation* const operation = operations.pop()) pool_.submit(*operation);
#ifdef LKL_HAVE_URING
  if (wanted) want_submitter();
#endif
}

void HostLoop::submit() {
#ifdef LKL_HAVE_URING
  IoOperationList operations;
  {
    const std::lock_guard lock(queue_mutex_);
    operations = std::exchange(queued_, {});
  }
  if (operations.empty()) return;
  if (use_ring_ && ring_.submit(operations) != 0) use_ring_ = false;
  // what the ring would not take; it still gives back what it has
  while (IoOperation* const operation = operations.pop()) pool_.submit(*operation);
#endif
}

unsigned HostLoop::collect_operations() {
  unsigned count = 0;
  IoOperationList ended = pool_.take_ended();
#ifdef LKL_HAVE_URING
  if (ring_.is_open()) ended.append(ring_.reap());
#endif
  while (IoOperation* const operation = ended.pop()) {
    finish(*operation, operation->result);
    ++count;
  }
  return count;
}

// ---- readiness ----

void HostLoop::watch(Watch& watch) {
  watches_.add(watch);
  kick();
}

bool HostLoop::attended() {
  // asked in any case: that counts what has happened since the time before
  return watches_.attended() && in_flight() == 0;
}

void HostLoop::fill_poll_set() {
  int ring_fd = -1;
#ifdef LKL_HAVE_URING
  ring_fd = ring_.fd();
#endif
  poll_set_.assign({{.fd = wakeup_.fd(), .events = POLLIN, .revents = 0},
                    {.fd = ring_fd, .events = POLLIN, .revents = 0}});
  polled_watches_.clear();
  watches_.each([&](Watch& watch) {
    polled_watches_.push_back(&watch);
    poll_set_.push_back({.fd = watch.fd, .events = watch.events, .revents = 0});
  });
}

unsigned HostLoop::collect_ready() {
  unsigned count = 0;
  for (size_t i = 0; i < polled_watches_.size(); ++i) {
    const short events = poll_set_[kFixed + i].revents;
    if (events == 0) continue;
    if (watches_.tell(polled_watches_[i], events)) ++count;
  }
  polled_watches_.clear();
  return count;
}

// ---- waiting ----

void HostLoop::sleep(uint64_t deadline_ns, uint64_t busy_ns) {
  if (!wakeup_.going_to_sleep() && deadline_ns != kAtOnce) return;
  fill_poll_set();
  int ready = 0;
  if (busy_ns > 0 && !polled_watches_.empty()) {
    const uint64_t until = std::min(deadline_ns, host::monotonic_ns() + busy_ns);
    do {
      ready = poll_until(poll_set_, 0);
    } while (ready == 0 && host::monotonic_ns() < until);
  }
  if (ready == 0) ready = poll_until(poll_set_, deadline_ns);
  if (ready <= 0)
    for (pollfd& fd : poll_set_) fd.revents = 0;
  wakeup_.awake(poll_set_[0].revents != 0);
}

unsigned HostLoop::collect() {
  const unsigned ended = collect_operations();
  return ended + collect_ready();
}

void HostLoop::quiesce() {
  set_quiescing(true);
  for (;;) {
    submit();
    collect();
    if (in_flight() == 0) break;
    sleep(UINT64_MAX);
  }
  set_quiescing(false);
}

int HostLoop::after_fork_child() {
  pool_.after_fork_child();
#ifdef LKL_HAVE_URING
  std::construct_at(&queue_mutex_);
  if (ring_.is_open()) {
    ring_.close();
    // a child that is not let have one makes do with the pool
    use_ring_ = ring_.open() == 0;
  }
#endif
  watches_.after_fork_child();
  return wakeup_.open();
}

}  // namespace lkl::host
