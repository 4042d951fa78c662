// SPDX-License-Identifier: GPL-2.0
#include "tree/walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/signals.h"

namespace lkl::tool {

OpenPlace open_place(Tree& tree, const std::string& path, bool follow) {
  constexpr int kMostLinks = 40;  // as the kernel allows
  std::string at = path;
  for (int links = 0;; links++) {
    auto [parent, name] = split_path(at);
    OpenPlace found{tree.open_directory(parent), std::move(name), path};
    if (!follow || found.name.empty()) return found;
    const auto stat = tree.find(found.place());
    if (!stat || !stat->is_symlink()) return found;
    if (links == kMostLinks)
      throw std::system_error(std::make_error_code(std::errc::too_many_symbolic_link_levels));
    const std::string target = tree.read_link(found.place());
    at = target.starts_with('/') ? target : join_path(parent, target);
  }
}

void require_name(Tree& tree, const OpenPlace& what) {
  if (what.name.empty())
    throw Failure(
        fmt::format("{}: cannot be moved or removed; name what is in it", tree.display(what.path)));
}

Stat must_find(Tree& tree, Place place) {
  const auto stat = tree.find(place);
  if (!stat) throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  return *stat;
}

Names sorted_names(Tree& tree, const Handle& directory) {
  Names result;
  auto& names = result.names;
  try {
    const auto stream = tree.read_directory(directory);
    for (std::string name; stream->next(name);) names.push_back(name);
  } catch (const std::system_error& error) {
    result.error = error.code();
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return result;
}

void Ancestors::enter(const Stat& directory, const std::string& shown) {
  if (!identities_.insert(identity_of(directory)).second)
    throw Failure(
        fmt::format("{}: the directory contains itself: the file system is damaged, check it with "
                    "its fsck",
                    shown));
}

void Ancestors::leave(const Stat& directory) {
  identities_.erase(identity_of(directory));
}

Identity identity_of(const Stat& stat) {
  return {std::uint64_t{stat.dev_major} << 32 | stat.dev_minor, stat.inode};
}

namespace {

// Keeps its own stack: how deep a tree is must not depend on the process' stack.
class Walk {
 public:
  Walk(Diagnostics& diagnostics, Tree& tree, const WalkHooks& hooks)
      : diagnostics_(diagnostics), tree_(tree), hooks_(hooks) {}

  bool run(const OpenPlace& top) {
    path_ = top.path;
    visit(top.dir, top.name, path_.size());
    while (!levels_.empty()) {
      Level& level = *levels_.back();
      if (level.next == level.names.size()) {
        leave();
        continue;
      }
      const std::size_t length = path_.size();
      const std::string& name = level.names[level.next++];
      if (!path_.ends_with('/')) path_ += '/';
      path_ += name;
      visit(level.handle, name, length);
    }
    return complete_;
  }

 private:
  // A directory we are in.
  struct Level {
    const Handle& above;
    const std::string& name;  // in `above`
    Stat stat;
    std::size_t path_above;  // length of the path of `above`
    Handle handle = {};
    std::vector<std::string> names = {};
    std::size_t next = 0;
    bool complete = true;
  };

  void visit(const Handle& directory, const std::string& name, std::size_t path_above) {
    check_interrupted();
    const bool entered = guarded([&] {
      const Place place{directory, name};
      const Stat stat = must_find(tree_, place);
      if (!hooks_.before({place, path_, stat, depth()}) || !stat.is_directory()) return false;
      ancestors_.enter(stat, tree_.display(path_));
      levels_.push_back(std::make_unique<Level>(Level{directory, name, stat, path_above}));
      return true;
    });
    if (!entered) {
      path_.resize(path_above);
      return;
    }
    // From here on, also where it cannot be read, it is left again.
    guarded([&] {
      Level& level = *levels_.back();
      level.handle = tree_.open_directory({level.above, level.name});
      Names found = sorted_names(tree_, level.handle);
      level.names = std::move(found.names);
      if (found.error) throw std::system_error(found.error);
      return true;
    });
  }

  void leave() {
    const std::unique_ptr<Level> level = std::move(levels_.back());
    levels_.pop_back();
    ancestors_.leave(level->stat);
    if (!level->complete) failed();
    guarded([&] {
      if (hooks_.after)
        hooks_.after({{level->above, level->name}, path_, level->stat, depth()}, level->complete);
      return true;
    });
    path_.resize(level->path_above);
  }

  unsigned depth() const { return static_cast<unsigned>(levels_.size()); }

  // Notes it for the directory we are in; those above learn it when that is left.
  void failed() {
    complete_ = false;
    if (!levels_.empty()) levels_.back()->complete = false;
  }

  // What `work` returns; false after an error, which is told.
  template <class Work>
  bool guarded(Work work) {
    try {
      return work();
    } catch (const std::system_error& error) {
      diagnostics_.error(tree_.display(path_), error.code());
    } catch (const Failure& failure) {
      diagnostics_.error(failure.what());
    }
    failed();
    return false;
  }

  Diagnostics& diagnostics_;
  Tree& tree_;
  const WalkHooks& hooks_;
  std::string path_;  // of what is visited
  std::vector<std::unique_ptr<Level>> levels_;
  Ancestors ancestors_;
  bool complete_ = true;
};

}  // namespace

bool walk(Diagnostics& diagnostics, Tree& tree, const OpenPlace& top, const WalkHooks& hooks) {
  return Walk(diagnostics, tree, hooks).run(top);
}

}  // namespace lkl::tool
