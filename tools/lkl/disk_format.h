// SPDX-License-Identifier: GPL-2.0
//
// Formats of disk images that were recognised rather than named by the user.
#ifndef LKL_TOOL_DISK_FORMAT_H
#define LKL_TOOL_DISK_FORMAT_H

#include <string>

#include "block_reader.h"

namespace lkl::tool {

// Whether an image of this format, by its own headers, has more of it in other files. The guest
// that wrote a raw disk may have written such headers, to see files of the host: so they are not
// followed before somebody says that it is an image of that format.
bool refers_to_other_files(const std::string& format, const BlockReader& image);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DISK_FORMAT_H
