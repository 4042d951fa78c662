// SPDX-License-Identifier: GPL-2.0
//
// The operands of mv and ln: what, and the name or directory it goes to.
#ifndef LKL_TOOL_TARGET_H
#define LKL_TOOL_TARGET_H

#include <string>
#include <vector>

#include "lkl/workplace.h"
#include "tree/walk.h"

namespace lkl::tool {

class Target {
 public:
  // Takes the last of the workplace's paths off. `follow`: it may be a link to a directory.
  Target(Workplace& workplace, bool follow);

  // The place for the source of this path.
  OpenPlace place_for(const std::string& source) const;

  const std::string& path() const { return path_; }
  // The place of the target's own name, be it a directory or not.
  OpenPlace own_place() const { return open_place(tree_, path_, false); }
  // Whether the target was written as a directory but is not there.
  bool missing_directory() const { return missing_directory_; }

 private:
  Tree& tree_;
  std::string path_;
  bool into_ = false;
  bool missing_directory_ = false;
};

// Makes "IMAGE:/PATH" of further operands plain paths, as users write them for cp. Another image
// than the workplace's throws Failure.
void strip_image_names(Workplace& workplace);

}  // namespace lkl::tool

#endif  // LKL_TOOL_TARGET_H
