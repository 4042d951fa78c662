// SPDX-License-Identifier: GPL-2.0
//
// What becomes of a command whose kernel panics: it ends in order, with an error that says why.
#ifndef LKL_TOOL_PANIC_H
#define LKL_TOOL_PANIC_H

#include <string>
#include <string_view>

#include "base/error.h"
#include "session/session_options.h"

namespace lkl::tool {

// The kernel is no more. As Interrupted, no std::exception: it ends all work.
struct KernelDied {};

// To be called before the kernel is prepared: it gives errors then, instead of ending the process.
void survive_panics();

// To be shown all that the kernel prints.
void look_for_panic(std::string_view text);
// Before a kernel boots.
void forget_panic();
bool has_panicked();
// The reason, and what to do; empty if there was no panic. `options`: those of the kernel.
std::string why_panicked(const SessionOptions& options);
// Says it, if there was one.
void tell_of_panic(const SessionOptions& options, Diagnostics& says);
// Says why something has failed. What fails because there is no kernel any more is no news: it says
// that instead.
void tell_failure(std::string_view why, const SessionOptions& options, Diagnostics& says);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PANIC_H
