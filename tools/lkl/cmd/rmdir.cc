// SPDX-License-Identifier: GPL-2.0
//
// lkl rmdir
#include <fmt/format.h>

#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct RmdirOptions {
  ImageAndPaths operands;
  bool parents = false;
};

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

Run add_rmdir(Parser parser) {
  auto options = std::make_shared<RmdirOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      .type_name(" ");
  parser.add_flag("-p,--parents", options->parents, "The directories above too, as far as named");
  return [options](Context& context) { run_rmdir(*options, context); };
}

}  // namespace lkl::tool
