// SPDX-License-Identifier: GPL-2.0
#include "tree/location.h"

#include <fmt/format.h>

#include "base/host_calls.h"

namespace lkl::tool {

Location locate(const std::string& operand, const SessionOptions& options, Plain plain) {
  if (operand.starts_with(':')) {
    if (options.images.empty())
      throw UsageFailure(fmt::format("{}: a path in an image, but there is no -a IMAGE", operand));
    if (options.images.size() > 1 && options.domain.empty())
      throw UsageFailure(
          fmt::format("{}: which image? With several -a, write IMAGE{} in full", operand, operand));
    const std::string path = operand.substr(1);
    return {options.images.front(), path.starts_with('/') ? path : "/" + path};
  }
  HostNames names;
  if (auto name = parse_image_path(operand, names)) return {name, name->path};
  if (plain == Plain::kImage && !names.at(operand).directory)
    return {parse_image_name(operand, names), "/"};
  return {std::nullopt, on_host::with_slashes(operand)};
}

void open_location(Session& session, const Location& location) {
  if (location.image)
    session.open(location.image->image, false);
  else
    session.host_paths().allow_reading(location.path);
}

Tree& Trees::of(const Location& location) {
  Volume* volume = location.image ? &session_.mount(*location.image) : nullptr;
  auto& tree = trees_[volume];
  if (!tree) tree = volume ? make_image_tree(*volume) : make_host_tree();
  return *tree;
}

}  // namespace lkl::tool
