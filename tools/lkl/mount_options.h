// SPDX-License-Identifier: GPL-2.0
//
// The words of --mount-options: those that mean the same on every file system are flags of
// mount(2), the others go to the file system.
#ifndef LKL_TOOL_MOUNT_OPTIONS_H
#define LKL_TOOL_MOUNT_OPTIONS_H

#include <string>
#include <string_view>

namespace lkl::tool {

struct MountWords {
  unsigned flags = 0;
  std::string data;
};

// `flags` is what holds where the words say nothing.
MountWords parse_mount_words(std::string_view text, unsigned flags);

}  // namespace lkl::tool

#endif  // LKL_TOOL_MOUNT_OPTIONS_H
