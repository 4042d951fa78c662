// SPDX-License-Identifier: GPL-2.0
//
// From the user's paths to places, and through all that is below them.
#ifndef LKL_TOOL_WALK_H
#define LKL_TOOL_WALK_H

#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tree/tree.h"

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

// What a file is, whatever its name: device and inode.
using Identity = std::pair<std::uint64_t, std::uint64_t>;
Identity identity_of(const Stat& stat);

// The names in a directory, sorted, each once. With an error they are those that could be read.
struct Names {
  std::vector<std::string> names;
  std::error_code error;
};
Names sorted_names(Tree& tree, const Handle& directory);

// The directories that we are in, from the top down. In a damaged file system one may be in itself.
class Ancestors {
 public:
  // Throws Failure if it is one of them; `shown` is how the user knows it.
  void enter(const Stat& directory, const std::string& shown);
  void leave(const Stat& directory);

 private:
  std::set<Identity> identities_;
};

// A path that leads to what is in it, until the end of the scope. How deep a tree is must not
// square the memory that its paths take.
class PathBelow {
 public:
  PathBelow(std::string& path, const std::string& name) : path_(path), length_(path.size()) {
    if (!path.empty() && !path.ends_with('/')) path += '/';
    path += name;
  }
  PathBelow(const PathBelow&) = delete;
  PathBelow& operator=(const PathBelow&) = delete;
  ~PathBelow() { path_.resize(length_); }

 private:
  std::string& path_;
  std::size_t length_;
};

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
// Errors, those of the hooks too, are told to the diagnostics, and the walk goes on.
// Returns whether there were none.
bool walk(Diagnostics& diagnostics, Tree& tree, const OpenPlace& top, const WalkHooks& hooks);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WALK_H
