// SPDX-License-Identifier: GPL-2.0
//
// lkl mkdir
#include <fmt/format.h>

#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/mode.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct MkdirOptions {
  ImageAndPaths operands;
  bool parents = false;
  std::string mode;
};

void make_one(Context& context, Tree& tree, const std::string& path,
              const std::optional<ModeChange>& mode) {
  const OpenPlace where = open_place(tree, path, false);
  if (where.name.empty()) throw std::system_error(std::make_error_code(std::errc::file_exists));
  tree.make_directory(where.place(), 0755);
  // Only if asked for: it would take away the set-group-ID bit that was handed down.
  if (mode) tree.set_mode(where.place(), mode->apply(LKL_S_IFDIR | 0777));
  say(context, "made {}", tree.display(path));
}

// Whether it is there already; something else in its place is an error.
bool is_directory(Tree& tree, const std::string& path) {
  const auto stat = tree.find_path(path, true);
  if (stat && !stat->is_directory())
    throw Failure(fmt::format("{}: exists, but is a {}", tree.display(path),
                              stat->is_regular() ? "file" : "special file"));
  return stat.has_value();
}

void make_with_parents(Context& context, Tree& tree, const std::string& path,
                       const std::optional<ModeChange>& mode) {
  std::vector<std::string> missing;
  for (std::string at = path; !is_directory(tree, at);) {
    missing.push_back(at);
    const auto [parent, name] = split_path(at);
    // "a/.." where there is no "a".
    at = name.empty() ? at.substr(0, at.rfind('/')) : parent;
    if (name.empty()) missing.pop_back();
  }
  while (!missing.empty()) {
    make_one(context, tree, missing.back(), missing.size() == 1 ? mode : std::nullopt);
    missing.pop_back();
  }
}

void run_mkdir(const MkdirOptions& options, Context& context) {
  std::optional<ModeChange> mode;
  if (!options.mode.empty()) mode.emplace(options.mode);
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    const auto make = options.parents ? make_with_parents : make_one;
    make(context, workplace.tree(), path, mode);
  });
}

}  // namespace

Run add_mkdir(Parser parser) {
  auto options = std::make_shared<MkdirOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      .type_name(" ");
  parser.add_flag("-p,--parents", options->parents,
                  "The directories above too; what exists is no error");
  parser.add_option("-m,--mode", options->mode, "Mode of the directory (755)").type_name("MODE");
  return [options](Context& context) { run_mkdir(*options, context); };
}

}  // namespace lkl::tool
