// SPDX-License-Identifier: GPL-2.0
//
// System calls by their numbers: of who makes them by syscall(2), or where the C library does.
#ifndef LKL_TOOL_PRELOAD_BY_NUMBER_H
#define LKL_TOOL_PRELOAD_BY_NUMBER_H

#include <array>
#include <optional>

namespace lkl::preload {

using Arguments = std::array<long, 6>;
// What it answers; nullopt: it is the host's.
std::optional<long> call_by_number(long number, const Arguments& arguments);

}  // namespace lkl::preload

// The host's, wherever the thread is (raw_call.S).
extern "C" long lkl_preload_raw_call(long number, const long arguments[6]);

#endif  // LKL_TOOL_PRELOAD_BY_NUMBER_H
