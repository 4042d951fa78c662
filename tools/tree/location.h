// SPDX-License-Identifier: GPL-2.0
//
// Operands that are on the host or in an image: those of cp and diff.
#ifndef LKL_TOOL_LOCATION_H
#define LKL_TOOL_LOCATION_H

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "image/image.h"
#include "session/session.h"
#include "tree/tree.h"

namespace lkl::tool {

struct Location {
  std::optional<ImageName> image;
  std::string path;
};

// IMAGE[:N]:/PATH, or :/PATH with -a IMAGE, or a path of the host.
Location locate(const std::string& operand, const SessionOptions& options);

// Opens the image, or makes the path of the host accessible in the sandbox, to be read.
void open_location(Session& session, const Location& location);

// The trees of the locations, made as they are needed. Must not outlive the session.
class Trees {
 public:
  explicit Trees(Session& session) : session_(session) {}
  Tree& of(const Location& location);

 private:
  Session& session_;
  std::map<Volume*, std::unique_ptr<Tree>> trees_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_LOCATION_H
