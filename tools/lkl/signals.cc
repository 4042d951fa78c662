// SPDX-License-Identifier: GPL-2.0
#include "signals.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "error.h"

namespace lkl::tool {

namespace {

// Process-wide by nature: a signal handler has no other place to write to.
std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

// The thread may be on one of the kernel's small stacks when the signal arrives, so the handler
// gets its own.
alignas(16) std::array<char, 64 * 1024> handler_stack;

extern "C" void on_signal(int signal) {
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, signal)) _exit(128 + signal);
}

}  // namespace

void catch_signals() {
  stack_t stack = {};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  sigaltstack(&stack, nullptr);

  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old = {};
    // nohup and background jobs ignore some of them on purpose; leave that as it is.
    if (sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) continue;
    sigaction(signal, &action, nullptr);
  }
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
}

int pending_signal() {
  return first_signal.load(std::memory_order_relaxed);
}

void clear_signal() {
  first_signal.store(0, std::memory_order_relaxed);
}

void check_interrupted() {
  if (const int signal = pending_signal()) throw Interrupted{signal};
}

}  // namespace lkl::tool
