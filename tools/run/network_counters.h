// SPDX-License-Identifier: GPL-2.0
//
// What our kernel counts of its network.
#ifndef LKL_TOOL_RUN_NETWORK_COUNTERS_H
#define LKL_TOOL_RUN_NETWORK_COUNTERS_H

#include <cstdint>
#include <string_view>

namespace lkl::tool::served {

// Of the calling thread's network: the number of this name on the line of /proc/net/FILE that
// begins with this word. The name is before the number there, or in the same place of another such
// line. 0 if there is none.
std::uint64_t number_of_network(std::string_view file, std::string_view line,
                                std::string_view name);

// The same, of this text.
std::uint64_t number_in(std::string_view text, std::string_view line, std::string_view name);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_NETWORK_COUNTERS_H
