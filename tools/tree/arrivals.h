// SPDX-License-Identifier: GPL-2.0
//
// What a command has put into a directory, told from what was there before. Where names that
// differ lead to one file (in case, or by a dot at the end), the second one of them would replace
// what the command has just written.
#ifndef LKL_TOOL_ARRIVALS_H
#define LKL_TOOL_ARRIVALS_H

#include <string>
#include <unordered_set>

#include "tree/tree.h"

namespace lkl::tool {

class Arrivals {
 public:
  // To be made before anything is put in. `made`: the directory is the command's own, so all that
  // will be in it has arrived.
  Arrivals(Tree& tree, const Handle& directory, bool made);

  // Whether what is at this place of the directory (there is something) was put there by the
  // command. If not, it counts as that from now on, since it is about to be replaced.
  bool has_arrived(Place place);

 private:
  Tree& tree_;
  bool folds_;
  std::unordered_set<std::string> before_;  // names of what was there, and still is
};

// Why `source` is left out: `target`, where it should go, has arrived by this or another name.
std::string already_arrived(Tree& tree, Place target, const std::string& target_path,
                            const std::string& source);

}  // namespace lkl::tool

#endif  // LKL_TOOL_ARRIVALS_H
