// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_WIN32_WORDS_H
#define LKL_TOOL_WIN32_WORDS_H

#include <string>
#include <vector>

namespace lkl::tool {

// As the C library of the program takes it apart.
std::string command_line(const std::vector<std::string>& words);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WIN32_WORDS_H
