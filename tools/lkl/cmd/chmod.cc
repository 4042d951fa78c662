// SPDX-License-Identifier: GPL-2.0
//
// lkl chmod
#include <fmt/format.h>

#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/mode.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct ChmodOptions {
  std::string mode;
  ImageAndPaths operands;
  bool recursive = false;
};

void run_chmod(const ChmodOptions& options, Context& context) {
  if (options.mode.empty()) throw UsageFailure("chmod needs a mode and a path in the image");
  const ModeChange change(options.mode);
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  Tree& tree = workplace.tree();
  WalkHooks hooks;
  hooks.before = [&](const Visit& visit) {
    // Symbolic links have no mode of their own.
    if (visit.stat.is_symlink()) return false;
    const std::uint32_t mode = change.apply(visit.stat.mode);
    tree.set_mode(visit.place, mode);
    say(context, "mode {:04o} for {}", mode, tree.display(visit.path));
    return options.recursive;
  };
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    walk(context.diagnostics, tree, open_place(tree, path, true), hooks);
  });
}

}  // namespace

Run add_chmod(Parser parser) {
  auto options = std::make_shared<ChmodOptions>();
  parser.add_option("mode", options->mode, "755, or u+rwx,go-w").type_name("MODE");
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      .type_name(" ");
  parser.add_flag("-R,--recursive", options->recursive, "Directories with all that is in them");
  return [options](Context& context) { run_chmod(*options, context); };
}

}  // namespace lkl::tool
