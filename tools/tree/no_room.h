// SPDX-License-Identifier: GPL-2.0
//
// What a file system lacks that takes no more: bytes are only one of the things it can run out of.
#ifndef LKL_TOOL_NO_ROOM_H
#define LKL_TOOL_NO_ROOM_H

#include <string>
#include <system_error>

#include "tree/tree.h"

namespace lkl::tool {

// What was to go into the file system.
enum class Growth {
  kName,    // in a directory
  kData,    // of a file; what there was of it may have been removed again
  kEither,  // nobody knows any more
};

// Whether the error says that something is used up: room, a quota, links.
bool is_no_room(const std::error_code& code);

// The reason and the cure, for such an error. `at`: anything that is open in the file system.
std::string why_no_room(Tree& tree, const Handle& at, const std::error_code& code, Growth what);

// Whether hardly a byte is left.
bool is_full(const Space& space);

}  // namespace lkl::tool

#endif  // LKL_TOOL_NO_ROOM_H
