// SPDX-License-Identifier: GPL-2.0
//
// Files that tell of the network: the kernel's.
#ifndef LKL_TOOL_PRELOAD_FILES_H
#define LKL_TOOL_PRELOAD_FILES_H

#include <optional>

namespace lkl::preload {

// A number or a negative error; nullopt: the host is to open it.
std::optional<long> open_path(int folder, const char* path, int flags);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_FILES_H
