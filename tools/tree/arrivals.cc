// SPDX-License-Identifier: GPL-2.0
#include "tree/arrivals.h"

#include <fmt/format.h>

namespace lkl::tool {

Arrivals::Arrivals(Tree& tree, const Handle& directory, bool made)
    : tree_(tree), folds_(!made && tree.folds_names(directory)) {
  if (made) return;
  const auto stream = tree.read_directory(directory);
  for (std::string name; stream->next(name);) before_.insert(name);
}

bool Arrivals::has_arrived(Place place) {
  if (before_.erase(place.name) > 0) return false;
  // Nothing can be found by a name that nothing has, but where other spellings lead to it, too.
  if (!folds_ || before_.empty()) return true;
  const auto listed = tree_.listed_name(place);
  return !listed || before_.erase(*listed) == 0;
}

std::string already_arrived(Tree& tree, Place target, const std::string& target_path,
                            const std::string& source) {
  const auto listed = tree.listed_name(target);
  if (!listed || *listed == target.name)
    return fmt::format("{}: was just written, not replaced by {}", tree.display(target_path),
                       source);
  return fmt::format(
      "{}: to this file system it is the same name as that of {}, which was just written; {} is "
      "left out: rename one of them",
      tree.display(target_path), *listed, source);
}

}  // namespace lkl::tool
