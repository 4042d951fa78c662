// SPDX-License-Identifier: GPL-2.0
//
// From the user's paths to places, and through all that is below them.
#ifndef LKL_TOOL_WALK_H
#define LKL_TOOL_WALK_H

#include <functional>
#include <string>

#include "options.h"
#include "tree.h"

namespace lkl::tool {

// A place that holds its directory open.
struct OpenPlace {
  Handle dir;
  std::string name;
  std::string path;  // for messages

  Place place() const { return {dir, name}; }
};

// The place of a path, there or not; its directory has to exist. `follow`: a symbolic link is
// replaced by where it leads to.
OpenPlace open_place(Tree& tree, const std::string& path, bool follow);

// Throws Failure for a place that has no name in a directory, which cannot be taken out of it.
void require_name(Tree& tree, const OpenPlace& what);

// Throws std::system_error if there is nothing.
Stat must_find(Tree& tree, Place place);

// The names in a directory, sorted.
std::vector<std::string> sorted_names(Tree& tree, const Handle& directory);

// What a file is, whatever its name: device and inode.
using Identity = std::pair<std::uint64_t, std::uint64_t>;
Identity identity_of(const Stat& stat);

// What a walk has come to.
struct Visit {
  Place place;
  const std::string& path;
  const Stat& stat;
  unsigned depth;  // 0: where the walk began
};

struct WalkHooks {
  // Called for everything; whether to go into this directory.
  std::function<bool(const Visit&)> before;
  // Called for each directory gone into, after all that is in it. `complete`: without an error.
  std::function<void(const Visit&, bool complete)> after = {};
};

// Goes through `top` and all below it, in the order of names, without following symbolic links.
// Errors, those of the hooks too, are told to the context's diagnostics, and the walk goes on.
// Returns whether there were none.
bool walk(Context& context, Tree& tree, const OpenPlace& top, const WalkHooks& hooks);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WALK_H
