// SPDX-License-Identifier: GPL-2.0
//
// lkl rm and lkl rmdir
#include <fmt/format.h>

#include "commands.h"
#include "walk.h"
#include "workplace.h"

namespace lkl::tool {

namespace {

struct RmOptions {
  ImageAndPaths operands;
  bool recursive = false;
  bool force = false;
};

struct RmdirOptions {
  ImageAndPaths operands;
  bool parents = false;
};

// What has no name in a directory cannot be taken out of it.
void require_name(Tree& tree, const OpenPlace& what) {
  if (what.name.empty())
    throw Failure(
        fmt::format("{}: cannot be removed; name what is in it", tree.display(what.path)));
}

void remove_tree(Context& context, Tree& tree, const OpenPlace& top) {
  WalkHooks hooks;
  hooks.before = [&](const Visit& visit) {
    if (visit.stat.is_directory()) return true;
    tree.remove(visit.place);
    say(context, "removed {}", tree.display(visit.path));
    return false;
  };
  hooks.after = [&](const Visit& visit, bool complete) {
    // What could not be removed from it was told already.
    if (!complete) return;
    tree.remove_directory(visit.place);
    say(context, "removed {}", tree.display(visit.path));
  };
  walk(context, tree, top, hooks);
}

void run_rm(const RmOptions& options, Context& context) {
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  Tree& tree = workplace.tree();
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    const auto stat = tree.find_path(path, false);
    if (!stat && options.force) return;
    const OpenPlace what = open_place(tree, path, false);
    require_name(tree, what);
    if (must_find(tree, what.place()).is_directory() && !options.recursive)
      throw Failure(fmt::format("{}: is a directory; -r removes it with all that is in it",
                                tree.display(path)));
    remove_tree(context, tree, what);
  });
}

void run_rmdir(const RmdirOptions& options, Context& context) {
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  Tree& tree = workplace.tree();
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    for (std::string at = path;;) {
      try {
        const OpenPlace what = open_place(tree, at, false);
        require_name(tree, what);
        tree.remove_directory(what.place());
      } catch (const std::system_error& error) {
        // Of the parents, too, it has to be told which one it was.
        const bool full = error.code() == std::errc::directory_not_empty;
        throw Failure(fmt::format("{}: {}{}", tree.display(at), describe(error.code()),
                                  full ? "; lkl rm -r removes it with all that is in it" : ""));
      }
      say(context, "removed {}", tree.display(at));
      at = split_path(at).first;
      if (!options.parents || split_path(at).second.empty()) return;
    }
  });
}

}  // namespace

Run add_rm(CLI::App& parser) {
  auto options = std::make_shared<RmOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      ->type_name(" ");
  parser.add_flag("-r,-R,--recursive", options->recursive, "Directories with all that is in them");
  parser.add_flag("-f,--force", options->force, "What does not exist is no error");
  return [options](Context& context) { run_rm(*options, context); };
}

Run add_rmdir(CLI::App& parser) {
  auto options = std::make_shared<RmdirOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      ->type_name(" ");
  parser.add_flag("-p,--parents", options->parents, "The directories above too, as far as named");
  return [options](Context& context) { run_rmdir(*options, context); };
}

}  // namespace lkl::tool
