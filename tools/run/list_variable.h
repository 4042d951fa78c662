// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_RUN_LIST_VARIABLE_H
#define LKL_TOOL_RUN_LIST_VARIABLE_H

#include <cstdlib>
#include <string>

namespace lkl::tool::served {

// A variable of the process that is a list, as of PATH's kind: with this one in front of what it
// has, or behind.
inline void add_to_variable(const char* name, const std::string& one, bool behind) {
  const char* const value = std::getenv(name);
  const std::string there = value != nullptr ? value : "";
  ::setenv(name, (there.empty() ? one : behind ? there + ":" + one : one + ":" + there).c_str(), 1);
}

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_LIST_VARIABLE_H
