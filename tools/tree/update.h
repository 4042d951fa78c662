// SPDX-License-Identifier: GPL-2.0
//
// Opening files of an image to change what is in them.
#ifndef LKL_TOOL_UPDATE_H
#define LKL_TOOL_UPDATE_H

#include <string>

#include "tree/tree.h"

namespace lkl::tool {

// Follows symbolic links. Makes the file if it does not exist and `create`. Throws Failure for
// anything but a regular file: a device in an image would be one of the library's kernel.
Handle open_to_update(Tree& tree, const std::string& path, bool create);

}  // namespace lkl::tool

#endif  // LKL_TOOL_UPDATE_H
