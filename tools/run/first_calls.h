// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_RUN_FIRST_CALLS_H
#define LKL_TOOL_RUN_FIRST_CALLS_H

#include "run/notification.h"

namespace lkl::tool::served {

// Whether a call of a program's is for our kernel when no program has anything of it yet. If not,
// it is the host's.
bool needs_kernel(const Notification& call);

// Whether connect() is to who would look up names in the host's network.
bool connects_to_resolver(const Notification& call);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_FIRST_CALLS_H
