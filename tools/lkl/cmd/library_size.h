// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_LIBRARY_SIZE_H
#define LKL_TOOL_LIBRARY_SIZE_H

namespace lkl::tool {

// How large the library is, part by part; nothing if that cannot be read.
void print_library_size();

}  // namespace lkl::tool

#endif  // LKL_TOOL_LIBRARY_SIZE_H
