// SPDX-License-Identifier: GPL-2.0
//
// lkl rm
#include <fmt/format.h>

#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct RmOptions {
  ImageAndPaths operands;
  bool recursive = false;
  bool force = false;
};

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
  walk(context.diagnostics, tree, top, hooks);
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

}  // namespace

Run add_rm(Parser parser) {
  auto options = std::make_shared<RmOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      .type_name(" ");
  parser.add_flag("-r,-R,--recursive", options->recursive, "Directories with all that is in them");
  parser.add_flag("-f,--force", options->force, "What does not exist is no error");
  return [options](Context& context) { run_rm(*options, context); };
}

}  // namespace lkl::tool
