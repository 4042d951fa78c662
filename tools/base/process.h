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

// Runs the program to its end; what it said. Throws Failure, with that, if it fails.
std::string run_program(const std::vector<std::string>& arguments,
                        const std::vector<std::pair<std::string, std::string>>& environment,
                        std::string_view package);

// Runs the program to its end, with its output and errors on our standard error: the user sees what
// it says, and standard output is for results. Its status: an exit code, or 128 + signal. A signal
// to us goes on to it and all it has started; Interrupted is thrown when they have ended. Throws
// Failure if it cannot be started.
int run_visibly(const std::vector<std::string>& arguments);

// What a program has said, for behind a line of our own: without the ends of its last line, and
// with the lines after the first one indented.
std::string as_said(std::string output);

// Splits at blanks, as a shell does; quotes and backslashes keep them. Throws UsageFailure, `what`
// says which option it was.
std::vector<std::string> split_words(std::string_view text, std::string_view what);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PROCESS_H
