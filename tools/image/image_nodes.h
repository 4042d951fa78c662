// SPDX-License-Identifier: GPL-2.0
//
// An image of some format, and those it lies on, as qemu is told to open them: node by node, each
// with its driver and its file. So no name that stands in an image is left to qemu, which would
// take it for a protocol, a format to be guessed, or a definition in JSON.
#ifndef LKL_TOOL_IMAGE_NODES_H
#define LKL_TOOL_IMAGE_NODES_H

#include <string>
#include <vector>

#include "image/program_sandbox.h"

namespace lkl::tool {

struct ImageNodes {
  std::string definition;                  // "json:{...}"
  std::vector<ProgramRights::File> files;  // all that it takes
};

struct ImageToOpen {
  std::string path;
  std::string format;  // qemu's name
  bool writable = false;
  bool forced_share = false;  // another process may have it open for writing
  // Files that its headers name are opened: somebody has said that it is an image of that format.
  // Else qemu is told that there are none.
  bool follow = false;
};

// Throws Failure: a name that is none of a file, a file that is missing.
ImageNodes image_nodes(const ImageToOpen& image);

// The same for what an NBD server serves, to which the descriptor is a connection. What its headers
// name is not there.
std::string served_image_node(const std::string& format, int connection);
// For a server by its URI.
std::string served_image_node(const std::string& format, const std::string& uri);

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_NODES_H
