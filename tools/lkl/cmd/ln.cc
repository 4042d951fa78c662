// SPDX-License-Identifier: GPL-2.0
//
// lkl ln
#include <fmt/format.h>

#include "lkl/commands.h"
#include "lkl/target.h"

namespace lkl::tool {

namespace {

struct LnOptions {
  ImageAndPaths operands;
  bool symbolic = false;
  bool force = false;
  bool no_dereference = false;
};

void make_link(Context& context, const LnOptions& options, Tree& tree, const std::string& source,
               const Target& target) {
  const OpenPlace link = target.place_for(source);
  if (link.name.empty()) throw std::system_error(std::make_error_code(std::errc::file_exists));
  if (target.missing_directory())
    throw Failure(fmt::format("{}: no such directory", tree.display(link.path)));

  OpenPlace original;
  std::optional<Stat> stat;
  if (!options.symbolic) {
    original = open_place(tree, source, false);
    stat = must_find(tree, original.place());
    if (stat->is_directory())
      throw Failure(fmt::format("{}: is a directory, which has one name only; -s links to it",
                                tree.display(source)));
  }
  if (const auto existing = tree.find(link.place())) {
    if (!options.force)
      throw Failure(fmt::format("{}: exists; -f replaces it", tree.display(link.path)));
    if (existing->is_directory())
      throw Failure(
          fmt::format("{}: is a directory; a link does not replace it", tree.display(link.path)));
    // Already linked; removing it first could remove the last name.
    if (stat && identity_of(*stat) == identity_of(*existing)) return;
    tree.remove(link.place());
  }
  if (options.symbolic)
    tree.make_symlink(source, link.place());
  else
    tree.make_link(original.place(), link.place());
  say(context, "{} -> {}", tree.display(link.path), source);
}

void run_ln(const LnOptions& options, Context& context) {
  Workplace workplace(context, options.operands, Access::kWrite,
                      "what to link to and the link's name", 2);
  if (!options.symbolic) strip_image_names(workplace);
  const Target target(workplace, !options.no_dereference);
  for (const std::string& source : workplace.paths) {
    try {
      make_link(context, options, workplace.tree(), source, target);
    } catch (const std::system_error& error) {
      workplace.tell(fmt::format("link to {}", source), error.code());
    } catch (const Failure& failure) {
      context.diagnostics.error(failure.what());
    }
  }
}

}  // namespace

Run add_ln(Parser parser) {
  auto options = std::make_shared<LnOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] TARGET... LINK")
      .type_name(" ");
  parser.add_flag("-s,--symbolic", options->symbolic, "Symbolic links, to any text");
  parser.add_flag("-f,--force", options->force, "Replace what exists, but no directory");
  parser.add_flag("-n,--no-dereference", options->no_dereference,
                  "A LINK that is a symbolic link to a directory is a name, not the directory");
  return [options](Context& context) { run_ln(*options, context); };
}

}  // namespace lkl::tool
