// SPDX-License-Identifier: GPL-2.0
//
// The words of --mount-options: those that mean the same on every file system are flags of
// mount(2), the others go to the file system.
#ifndef LKL_TOOL_MOUNT_OPTIONS_H
#define LKL_TOOL_MOUNT_OPTIONS_H

#include <string>
#include <string_view>

#include "session/session_options.h"

namespace lkl::tool {

struct MountWords {
  unsigned flags = 0;
  std::string data;
};

// `flags` is what holds where the words say nothing.
MountWords parse_mount_words(std::string_view text, unsigned flags);

// Whether one of the words begins so.
bool has_word(std::string_view words, std::string_view beginning);

// The words by which a file system is read as it is, without what its journal or log has beyond
// that. Empty: the kernel has none for it, or needs none.
std::string_view words_without_replay(std::string_view type);
// Whether these words say so already.
bool is_without_replay(std::string_view words);

// The file system begins there: the volume is what is at this offset. Throws UsageFailure.
void set_offset(SessionOptions& options, const std::string& text);
// The same for "offset=N" among the mount options, which is for loop devices as mount(8) has it,
// not for the file system.
void take_offset(SessionOptions& options);

}  // namespace lkl::tool

#endif  // LKL_TOOL_MOUNT_OPTIONS_H
