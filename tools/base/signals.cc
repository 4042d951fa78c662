// SPDX-License-Identifier: GPL-2.0
#include "base/signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "base/error.h"
#include "base/signal_sets.h"

namespace lkl::tool {

namespace {

constexpr int kEnds[] = {SIGINT, SIGTERM, SIGHUP};

// Process-wide by nature: a signal handler has no other place to write to.
std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

// Readable once a signal has come, whichever thread it came to.
int signal_event = -1;

// The thread may be on one of the kernel's small stacks when the signal arrives, so the handler
// gets its own.
alignas(16) std::array<char, 64 * 1024> handler_stack;

extern "C" void on_signal(int signal) {
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, signal)) _exit(128 + signal);
  const int error = errno;
  eventfd_write(signal_event, 1);
  errno = error;
}

}  // namespace

void catch_signals() {
  if (signal_event < 0) signal_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

  stack_t stack = {};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  sigaltstack(&stack, nullptr);

  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : kEnds) {
    struct sigaction old = {};
    // nohup and background jobs ignore some of them on purpose; leave that as it is.
    if (sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) continue;
    sigaction(signal, &action, nullptr);
  }
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
}

void ignore_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
  // What is closed and still waited for is whatever gets its number next.
  if (signal_event >= 0) ::close(std::exchange(signal_event, -1));
}

int pending_signal() {
  return first_signal.load(std::memory_order_relaxed);
}

bool poll_or_signal(std::vector<pollfd>& watched, int milliseconds) {
  watched.push_back({signal_event, POLLIN, 0});
  const int ready = ::poll(watched.data(), watched.size(), milliseconds);
  watched.pop_back();
  return ready > 0 && std::ranges::any_of(watched, [](const pollfd& one) { return one.revents; });
}

sigset_t end_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kEnds) sigaddset(&set, signal);
  return set;
}

EndSignalsBlocked::EndSignalsBlocked() {
  const sigset_t ends = end_signals();
  pthread_sigmask(SIG_BLOCK, &ends, &before_);
}

EndSignalsBlocked::~EndSignalsBlocked() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

ssize_t read_or_signal(int fd, std::span<std::byte> into) {
  struct pollfd both[] = {{fd, POLLIN, 0}, {signal_event, POLLIN, 0}};
  while (pending_signal() == 0) {
    if (::poll(both, 2, -1) <= 0 || both[1].revents != 0) continue;
    const ssize_t n = ::read(fd, into.data(), into.size());
    // What was there may have gone to somebody else.
    if (n >= 0 || (errno != EINTR && errno != EAGAIN)) return n;
  }
  errno = EINTR;
  return -1;
}

ssize_t write_or_signal(int fd, std::span<const std::byte> from) {
  struct pollfd both[] = {{fd, POLLOUT, 0}, {signal_event, POLLIN, 0}};
  while (pending_signal() == 0) {
    if (::poll(both, 2, -1) <= 0 || both[1].revents != 0) continue;
    const ssize_t n = ::write(fd, from.data(), from.size());
    if (n >= 0 || (errno != EINTR && errno != EAGAIN)) return n;
  }
  errno = EINTR;
  return -1;
}

void clear_signal() {
  eventfd_t count = 0;
  eventfd_read(signal_event, &count);
  first_signal.store(0, std::memory_order_relaxed);
}

void check_interrupted() {
  if (const int signal = pending_signal()) throw Interrupted{signal};
}

}  // namespace lkl::tool
