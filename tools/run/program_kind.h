// SPDX-License-Identifier: GPL-2.0
//
// Which programs a library can be loaded in front of, so that it sees their calls.
#ifndef LKL_TOOL_RUN_PROGRAM_KIND_H
#define LKL_TOOL_RUN_PROGRAM_KIND_H

#include <optional>
#include <string>

namespace lkl::tool::served {

// Why the calls of this program cannot be seen from a preloaded library; nullopt if they can, or
// if there is no such program. For a script: of its interpreter.
std::optional<std::string> why_not_preloaded(const std::string& file);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_PROGRAM_KIND_H
