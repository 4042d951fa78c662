// SPDX-License-Identifier: GPL-2.0
//
// Who is started instead of a program, and serves it: signals are handed on to that, and its end is
// ours.
#ifndef LKL_TOOL_RUN_STAND_IN_H
#define LKL_TOOL_RUN_STAND_IN_H

#include <signal.h>

namespace lkl::tool::served {

inline constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
// The same as a set.
sigset_t forwarded_signals();

// Ends as the program did: with its exit code, which is returned, or by its signal.
int end_as(int status);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_STAND_IN_H
