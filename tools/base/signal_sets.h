// SPDX-License-Identifier: GPL-2.0
//
// What of signals.h only POSIX systems have.
#ifndef LKL_TOOL_SIGNAL_SETS_H
#define LKL_TOOL_SIGNAL_SETS_H

#include <poll.h>
#include <signal.h>

#include <vector>

namespace lkl::tool {

// As poll(2), which would sleep through a signal that came before. False if none of them is ready,
// after `milliseconds` or at a signal.
bool poll_or_signal(std::vector<pollfd>& watched, int milliseconds);

// SIGINT, SIGTERM and SIGHUP: those that end the process.
sigset_t end_signals();

// While it exists a thread that is made has the end_signals() blocked: they are for
// the others.
class EndSignalsBlocked {
 public:
  EndSignalsBlocked();
  EndSignalsBlocked(const EndSignalsBlocked&) = delete;
  EndSignalsBlocked& operator=(const EndSignalsBlocked&) = delete;
  ~EndSignalsBlocked();

 private:
  sigset_t before_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_SIGNAL_SETS_H
