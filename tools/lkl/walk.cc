// SPDX-License-Identifier: GPL-2.0
#include "walk.h"

#include <algorithm>

#include "signals.h"

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

Stat must_find(Tree& tree, Place place) {
  const auto stat = tree.find(place);
  if (!stat) throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  return *stat;
}

std::vector<std::string> sorted_names(Tree& tree, const Handle& directory) {
  std::vector<std::string> names;
  const auto stream = tree.read_directory(directory);
  for (std::string name; stream->next(name);) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

Identity identity_of(const Stat& stat) {
  return {std::uint64_t{stat.dev_major} << 32 | stat.dev_minor, stat.inode};
}

namespace {

class Walk {
 public:
  Walk(Context& context, Tree& tree, const WalkHooks& hooks)
      : context_(context), tree_(tree), hooks_(hooks) {}

  bool visit(Place place, const std::string& path, unsigned depth) {
    check_interrupted();
    bool complete = true;
    guarded(path, complete, [&] {
      const Stat stat = must_find(tree_, place);
      const Visit visit{place, path, stat, depth};
      if (!hooks_.before(visit) || !stat.is_directory()) return;
      guarded(path, complete, [&] { visit_entries(visit, complete); });
      if (hooks_.after) hooks_.after(visit, complete);
    });
    return complete;
  }

 private:
  void visit_entries(const Visit& directory, bool& complete) {
    const Handle handle = tree_.open_directory(directory.place);
    for (const std::string& name : sorted_names(tree_, handle))
      if (!visit({handle, name}, join_path(directory.path, name), directory.depth + 1))
        complete = false;
  }

  template <class Work>
  void guarded(const std::string& path, bool& complete, Work work) {
    try {
      work();
      return;
    } catch (const std::system_error& error) {
      context_.diagnostics.error(tree_.display(path), error.code());
    } catch (const Failure& failure) {
      context_.diagnostics.error(failure.what());
    }
    complete = false;
  }

  Context& context_;
  Tree& tree_;
  const WalkHooks& hooks_;
};

}  // namespace

bool walk(Context& context, Tree& tree, const OpenPlace& top, const WalkHooks& hooks) {
  return Walk(context, tree, hooks).visit(top.place(), top.path, 0);
}

}  // namespace lkl::tool
