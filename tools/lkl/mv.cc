// SPDX-License-Identifier: GPL-2.0
//
// lkl mv
#include <fmt/format.h>

#include "commands.h"
#include "target.h"

namespace lkl::tool {

namespace {

struct MvOptions {
  ImageAndPaths operands;
  bool force = false;
  bool no_clobber = false;
};

void rename(Tree& tree, const OpenPlace& from, const OpenPlace& to) {
  try {
    tree.rename(from.place(), to.place());
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::invalid_argument)
      throw Failure(fmt::format("{}: cannot be moved into itself", tree.display(from.path)));
    // The error may be of either; the target is what can be in the way.
    throw Failure(fmt::format("{}: cannot be moved to {}: {}", tree.display(from.path),
                              tree.display(to.path), describe(error.code())));
  }
}

void move(Context& context, Tree& tree, const std::string& source, const Target& target,
          bool no_clobber) {
  const OpenPlace from = open_place(tree, source, false);
  require_name(tree, from);
  const Stat stat = must_find(tree, from.place());
  const OpenPlace to = target.place_for(source);
  if (target.missing_directory() && !stat.is_directory())
    throw Failure(fmt::format("{}: no such directory", tree.display(to.path)));
  if (const auto existing = tree.find(to.place())) {
    if (no_clobber) return;
    if (identity_of(stat) == identity_of(*existing)) {
      const bool same_name = to.name == from.name &&
                             identity_of(tree.stat(to.dir)) == identity_of(tree.stat(from.dir));
      if (same_name || stat.is_directory())
        throw Failure(
            fmt::format("{} and {} are the same", tree.display(from.path), tree.display(to.path)));
      // The kernel leaves both names of one file alone; only the new one shall be left.
      tree.remove(from.place());
      return;
    }
  }
  rename(tree, from, to);
  say(context, "{} -> {}", tree.display(from.path), tree.display(to.path));
}

void run_mv(const MvOptions& options, Context& context) {
  if (options.force && options.no_clobber)
    throw UsageFailure("-f and -n: choose whether to replace what exists");
  Workplace workplace(context, options.operands, Access::kWrite,
                      "a path in the image and where to move it", 2);
  strip_image_names(workplace);
  const Target target(workplace, true);
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    move(context, workplace.tree(), path, target, options.no_clobber);
  });
}

}  // namespace

Run add_mv(CLI::App& parser) {
  auto options = std::make_shared<MvOptions>();
  parser
      .add_option("operands", options->operands.operands, "IMAGE[:PARTITION] SOURCE... DESTINATION")
      ->type_name(" ");
  parser.add_flag("-f,--force", options->force, "Replace what exists, as is done anyhow");
  parser.add_flag("-n,--no-clobber", options->no_clobber, "Leave what exists alone");
  return [options](Context& context) { run_mv(*options, context); };
}

}  // namespace lkl::tool
