// SPDX-License-Identifier: GPL-2.0
//
// lkl mv
#include <fmt/format.h>

#include <optional>

#include "lkl/commands.h"
#include "lkl/target.h"
#include "tree/arrivals.h"
#include "tree/no_room.h"

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
    throw Failure(fmt::format(
        "{}: cannot be moved to {}: {}", tree.display(from.path), tree.display(to.path),
        is_no_room(error.code()) ? why_no_room(tree, to.dir, error.code(), Growth::kName)
                                 : describe(error.code())));
  }
}

// Whether the two names are one entry of a directory, which takes both for the same.
bool one_entry(Tree& tree, const OpenPlace& from, const OpenPlace& to) {
  if (identity_of(tree.stat(from.dir)) != identity_of(tree.stat(to.dir))) return false;
  return tree.folds_names(from.dir) &&
         tree.listed_name(from.place()) == tree.listed_name(to.place());
}

// The kernel takes a new spelling of a name for the same name, and does nothing.
void spell_anew(Tree& tree, const OpenPlace& from, const OpenPlace& to) {
  OpenPlace between{tree.open_directory({to.dir, ""}), "", to.path};
  for (unsigned number = 0; between.name.empty() || tree.find(between.place()); number++)
    between.name = fmt::format("lkl{:05}.tmp", number);
  rename(tree, from, between);
  try {
    rename(tree, between, to);
  } catch (const Failure&) {
    rename(tree, between, from);
    throw;
  }
  if (tree.listed_name(to.place()) != to.name)
    throw Failure(
        fmt::format("{}: the file system does not keep this spelling", tree.display(to.path)));
}

void move(Context& context, Tree& tree, const std::string& source, const Target& target,
          bool no_clobber, Arrivals* arrivals) {
  const OpenPlace from = open_place(tree, source, false);
  require_name(tree, from);
  const Stat stat = must_find(tree, from.place());
  // A directory does not go into itself for being called by another spelling of its name.
  OpenPlace to = target.own_place();
  const auto there = to.name.empty() || to.name == from.name ? std::nullopt : tree.find(to.place());
  if (!there || identity_of(*there) != identity_of(stat) || !one_entry(tree, from, to))
    to = target.place_for(source);
  if (target.missing_directory() && !stat.is_directory())
    throw Failure(fmt::format("{}: no such directory", tree.display(to.path)));
  bool spelling = false;
  if (const auto existing = tree.find(to.place())) {
    const bool same_file = identity_of(stat) == identity_of(*existing);
    const bool same_entry = same_file && one_entry(tree, from, to);
    spelling = same_entry && to.name != from.name;
    if (no_clobber && !spelling) return;
    if (same_file && !spelling) {
      const bool same_name = to.name == from.name &&
                             identity_of(tree.stat(to.dir)) == identity_of(tree.stat(from.dir));
      if (same_name || stat.is_directory())
        throw Failure(
            fmt::format("{} and {} are the same", tree.display(from.path), tree.display(to.path)));
      // The kernel leaves both names of one file alone; only the new one shall be left.
      tree.remove(from.place());
      return;
    }
    if (!spelling && arrivals != nullptr && arrivals->has_arrived(to.place()))
      throw Failure(already_arrived(tree, to.place(), to.path, tree.display(from.path)));
  }
  if (spelling)
    spell_anew(tree, from, to);
  else
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
  // What goes into one directory must not be replaced by what comes later.
  Tree& tree = workplace.tree();
  Handle directory;
  std::optional<Arrivals> arrivals;
  if (workplace.paths.size() > 1) {
    directory = tree.open_directory(target.path());
    arrivals.emplace(tree, directory, false);
  }
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    move(context, tree, path, target, options.no_clobber, arrivals ? &*arrivals : nullptr);
  });
}

}  // namespace

Run add_mv(Parser parser) {
  auto options = std::make_shared<MvOptions>();
  parser
      .add_option("operands", options->operands.operands, "IMAGE[:PARTITION] SOURCE... DESTINATION")
      .type_name(" ");
  parser.add_flag("-f,--force", options->force, "Replace what exists, as is done anyhow");
  parser.add_flag("-n,--no-clobber", options->no_clobber, "Leave what exists alone");
  return [options](Context& context) { run_mv(*options, context); };
}

}  // namespace lkl::tool
