// SPDX-License-Identifier: GPL-2.0
#include "tree/update.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/format.h"

namespace lkl::tool {

Handle open_to_update(Tree& tree, const std::string& path, bool create) {
  const auto stat = tree.find_path(path, true);
  if (stat && !stat->is_regular())
    throw Failure(
        fmt::format("{}: is a {}, not a file", tree.display(path), type_name(stat->mode)));
  return tree.open_for_update(path, create);
}

}  // namespace lkl::tool
