// SPDX-License-Identifier: GPL-2.0
//
// Other programs in a process's place.
#ifndef LKL_TOOL_PRELOAD_PROCESSES_H
#define LKL_TOOL_PRELOAD_PROCESSES_H

namespace lkl::preload {

// As execve(2).
int execute(const char* file, char* const* words, char* const* variables);
// What happens to a script without a first line.
enum class Script { kForShell, kRefused };
// The file is looked for as the C library does, in PATH.
int execute_by_path(const char* name, char* const* words, char* const* variables, Script script);

// 0, or the error for a program that would use the host's network.
int refuse_program(const char* file);
int refuse_program_by_path(const char* name);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_PROCESSES_H
