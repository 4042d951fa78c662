// SPDX-License-Identifier: GPL-2.0
// LKL_TRACE=syscalls[:FILTER]: what the application calls, as strace shows it.
#pragma once

#include <cstdint>

namespace lkl::host {

// Looks at the environment. 0; 1 if calls are to be traced; -LKL_EINVAL, said on
// standard error, if it asks for what is not there.
int start_trace();
void stop_trace();

// A call of the calling thread, with a line about it if the filter has it.
int64_t traced_call(uint64_t kernel, int64_t nr, const uint64_t (&arguments)[6]);

}  // namespace lkl::host
