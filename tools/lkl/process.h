// SPDX-License-Identifier: GPL-2.0
//
// Programs of the host that a command has to have work done by.
#ifndef LKL_TOOL_PROCESS_H
#define LKL_TOOL_PROCESS_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lkl::tool {

// The path of a program, which is looked for in PATH, and where administrators have theirs. Throws
// Failure if there is none, with the Debian package that has it (if known).
std::string require_program(const std::string& name, std::string_view package);

// Runs the program to its end. Throws Failure, with what it said, if it fails.
void run_program(const std::vector<std::string>& arguments,
                 const std::vector<std::pair<std::string, std::string>>& environment,
                 std::string_view package);

// Splits at blanks, as a shell does; quotes and backslashes keep them. Throws UsageFailure, `what`
// says which option it was.
std::vector<std::string> split_words(std::string_view text, std::string_view what);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PROCESS_H
