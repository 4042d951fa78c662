// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_PRELOAD_SAY_H
#define LKL_TOOL_PRELOAD_SAY_H

#include <string_view>

namespace lkl::preload {

// A line on standard error, begun by "lkl: ".
void say(std::string_view text);
// The same, and the process ends: nothing is to run on the host's network by mistake.
[[noreturn]] void give_up(std::string_view text);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_SAY_H
