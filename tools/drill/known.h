// SPDX-License-Identifier: GPL-2.0
//
// Scripts of the kernel tree that cannot pass, and why.
#ifndef LKL_TOOL_DRILL_KNOWN_H
#define LKL_TOOL_DRILL_KNOWN_H

#include <string>

namespace lkl::tool::drill {

// Empty if it can. `ticks`: of the kernel's timers in a second.
std::string why_not(const std::string& script, unsigned ticks);

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_KNOWN_H
