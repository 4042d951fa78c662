// SPDX-License-Identifier: GPL-2.0
//
// What `lkl tar` and fs2tar share.
#ifndef LKL_TOOL_TAR_H
#define LKL_TOOL_TAR_H

#include <cstdio>
#include <string>
#include <vector>

#include "image/image_name.h"
#include "lkl/options.h"
#include "tree/archive.h"

namespace lkl::tool {

struct PackRequest {
  ImageName image;
  std::vector<std::string> paths;  // in the image; none: all of it
  std::string file;                // "-": standard output
  Compression compression = Compression::kNone;
  std::FILE* labels = nullptr;  // see Packer::set_label_file
};

// Writes the archive; it is removed again if it could not be completed.
void pack_image(Context& context, const PackRequest& request);

// Archives keep names in UTF-8; libarchive must not take them for anything else.
void use_utf8_names();

}  // namespace lkl::tool

#endif  // LKL_TOOL_TAR_H
