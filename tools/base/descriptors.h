// SPDX-License-Identifier: GPL-2.0
//
// The descriptors that a process has from who started it, and leaves to whom it starts.
#ifndef LKL_TOOL_DESCRIPTORS_H
#define LKL_TOOL_DESCRIPTORS_H

namespace lkl::tool {

enum class Close { kNow, kOnExec };

// Closes all from this one on. Only calls the kernel: may be done between vfork() and execve(), and
// without memory.
void close_from(int first, Close when = Close::kNow) noexcept;

// Opens those of 0, 1 and 2 that are closed, so that nothing else gets these numbers and messages
// do not end up in an image. Reading and writing there fail as if they were closed. To be called
// first of all.
void occupy_standard_descriptors() noexcept;

}  // namespace lkl::tool

#endif  // LKL_TOOL_DESCRIPTORS_H
