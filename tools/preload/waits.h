// SPDX-License-Identifier: GPL-2.0
//
// poll(2) and its kind, for descriptors of both kernels at once.
#ifndef LKL_TOOL_PRELOAD_WAITS_H
#define LKL_TOOL_PRELOAD_WAITS_H

#include <poll.h>
#include <signal.h>
#include <time.h>

#include <span>

#include "preload/deadline.h"

namespace lkl::preload {

// As ppoll(2) answers.
long wait_for(std::span<pollfd> all, const Deadline& deadline, const sigset_t* mask);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_WAITS_H
