// SPDX-License-Identifier: GPL-2.0
//
// Limits of this process that are not to be those of the user's programs.
#ifndef LKL_TOOL_LIMITS_H
#define LKL_TOOL_LIMITS_H

namespace lkl::tool {

// Copies and comparisons take some stack for each level of a tree, and an image may hold a very
// deep one. Linux keeps 128 MiB free below the main thread's stack; the limit holds as it is when
// the stack grows.
void allow_deep_trees();

// As many open files as there may be.
void allow_many_files();

// In the child that becomes a program: as they were. Only calls the kernel.
void restore_limits() noexcept;

}  // namespace lkl::tool

#endif  // LKL_TOOL_LIMITS_H
