// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_PRELOAD_THREADS_H
#define LKL_TOOL_PRELOAD_THREADS_H

namespace lkl::preload {

// How many of this process are the library's.
int librarys_threads();

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_THREADS_H
