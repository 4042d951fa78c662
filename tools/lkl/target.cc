// SPDX-License-Identifier: GPL-2.0
#include "lkl/target.h"

#include <fmt/format.h>

namespace lkl::tool {

Target::Target(Workplace& workplace, bool follow) : tree_(workplace.tree()) {
  path_ = workplace.paths.back();
  workplace.paths.pop_back();
  const auto stat = tree_.find_path(path_, follow);
  into_ = stat && stat->is_directory();
  missing_directory_ = !stat && path_.ends_with('/');
  if (workplace.paths.size() > 1 && !into_)
    throw Failure(fmt::format("{}: is not a directory; several sources need one to go into",
                              tree_.display(path_)));
}

OpenPlace Target::place_for(const std::string& source) const {
  if (!into_) return open_place(tree_, path_, false);
  const std::string name = split_path(source).second;
  if (name.empty())
    throw Failure(fmt::format("{}: has no name of its own to keep", tree_.display(source)));
  return {tree_.open_directory(path_), name, join_path(path_, name)};
}

void strip_image_names(Workplace& workplace) {
  for (std::string& path : workplace.paths) {
    const auto name = parse_image_path(path);
    if (!name || name->image.inode == 0) continue;
    const Volume& volume = workplace.volume();
    const bool same = volume.image->file.same_file(name->image.device, name->image.inode) &&
                      (!name->volume || matches(*volume.device, *name->volume));
    if (!same)
      throw Failure(
          fmt::format("{}: is not in {}; lkl cp copies between file systems", path, volume.name));
    path = name->path;
  }
}

}  // namespace lkl::tool
