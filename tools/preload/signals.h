// SPDX-License-Identifier: GPL-2.0
//
// Signals of the host that come while a thread is inside: their handlers may make any call, so they
// wait until it is outside. A call that waits in the kernel is ended by a signal of the kernel's
// then, in whose handler they run: what follows, EINTR or the call once more, is that kernel's to
// say, by the same rules.
#ifndef LKL_TOOL_PRELOAD_SIGNALS_H
#define LKL_TOOL_PRELOAD_SIGNALS_H

#include <signal.h>

namespace lkl::preload {

// Before the library stands in front of the handlers of faults.
void prepare_faults();
// With the kernel: who interrupts its calls.
void serve_signals();
// Whether a call that those end which wait for this thread is to be made again.
bool waiting_signals_restart();

// Those that are to end a process, or to tell it something: as the command lkl run hands them on.
inline constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// They do nothing to this thread but end its waits, from now on.
class EndingSignals {
 public:
  EndingSignals();
  // Waits for one for a moment.
  bool any_comes() const;

 private:
  sigset_t set_;
};

// A thread that is made meanwhile has none of the program's signals.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_SIGNALS_H
