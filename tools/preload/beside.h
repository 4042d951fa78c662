// SPDX-License-Identifier: GPL-2.0
//
// A process that has a kernel for others cannot become another program: its kernel would be gone.
// So a child does, and the process is what the command lkl run is for a program: it serves, hands
// signals on and ends as the program does.
#ifndef LKL_TOOL_PRELOAD_BESIDE_H
#define LKL_TOOL_PRELOAD_BESIDE_H

namespace lkl::preload {

// Whether others have used the kernel, do so, or are to have something of it after exec.
bool is_kernel_kept();
// With other threads of the program it cannot be: they would go on.
bool can_execute_beside();
// -1 with errno if the program cannot be executed. Does not come back otherwise.
int execute_beside(const char* file, char* const* words, char* const* variables);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_BESIDE_H
