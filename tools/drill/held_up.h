// SPDX-License-Identifier: GPL-2.0
//
// How long the host has kept this process from running: what a script's times can't be judged
// without.
#ifndef LKL_TOOL_DRILL_HELD_UP_H
#define LKL_TOOL_DRILL_HELD_UP_H

#include <cstdint>

namespace lkl::tool::drill {

// Microseconds that the threads of this process have waited for a processor since they began; 0
// where the host does not tell.
std::int64_t waited_for_processors();

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_HELD_UP_H
