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

// What the command lkl run hands on to its program does nothing to this thread but end its waits,
// from now on.
class EndingSignals {
 public:
  EndingSignals();
  // Waits for one for a moment.
  bool any_comes() const;

 private:
  sigset_t set_;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_SIGNALS_H
