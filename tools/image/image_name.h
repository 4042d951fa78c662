// SPDX-License-Identifier: GPL-2.0
//
// How images are named on the command line, which is read once: what a name means is not looked for
// again after that.
#ifndef LKL_TOOL_IMAGE_NAME_H
#define LKL_TOOL_IMAGE_NAME_H

#include <optional>
#include <string>

#include "disk/volume_choice.h"
#include "image/image_address.h"

namespace lkl::tool {

// What IMAGE[:PARTITION][:/PATH] or IMAGE@OFFSET[:/PATH] means.
struct ImageName {
  std::string text;  // as it was given
  ImageAddress image;
  std::optional<VolumeChoice> volume;
  std::string path;  // empty when none was given
};

// Reads an operand that has to name an image. A file of exactly that name wins over any
// interpretation of its colons.
ImageName parse_image_name(const std::string& text, HostNames& names);
ImageName parse_image_name(const std::string& text);

// Reads an operand of cp, which names an image if it has ":/" in it, and a host path if not or if
// that path, or the directory it is in, exists on the host.
std::optional<ImageName> parse_image_path(const std::string& text, HostNames& names);
std::optional<ImageName> parse_image_path(const std::string& text);

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_NAME_H
