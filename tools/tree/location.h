// SPDX-License-Identifier: GPL-2.0
//
// Operands that are on the host or in an image: those of cp and diff.
#ifndef LKL_TOOL_LOCATION_H
#define LKL_TOOL_LOCATION_H

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "image/image_name.h"
#include "session/session.h"
#include "tree/tree.h"

namespace lkl::tool {

struct Location {
  std::optional<ImageName> image;
  std::string path;
};

// What a name is that has no ":/" in it: a path of the host, or only if there is a directory.
enum class Plain { kHost, kImage };

// IMAGE[:N]:/PATH, or :/PATH with -a IMAGE, or a path of the host. Of an image without a path, "/".
Location locate(const std::string& operand, const SessionOptions& options,
                Plain plain = Plain::kHost);

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
