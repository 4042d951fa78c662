// SPDX-License-Identifier: GPL-2.0
//
// Formats of disk images, and what their headers say of other files. A header may have been made to
// have us read files of the host: see image_nodes.h.
#ifndef LKL_TOOL_DISK_FORMAT_H
#define LKL_TOOL_DISK_FORMAT_H

#include <string>
#include <vector>

#include "base/block_reader.h"

namespace lkl::tool {

// Whether an image of this format, by its own headers, has more of it in other files. The guest
// that wrote a raw disk may have written such headers: so they are not followed before somebody
// says that it is an image of that format. In doubt it has.
bool refers_to_other_files(const std::string& format, const BlockReader& image);

// Whether the format knows images that lie on others.
bool has_backing_files(const std::string& format);

// The names that stand in the headers, as they stand there.
struct NamedFiles {
  std::string backing;         // what it lies on; empty: nothing
  std::string backing_format;  // empty: to be recognised
  std::string data;            // where the data is, if not in the image itself
  std::vector<std::string> extents;
};

// Throws Failure, without the image's name, if the headers make no sense.
NamedFiles read_named_files(const std::string& format, const BlockReader& image);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DISK_FORMAT_H
