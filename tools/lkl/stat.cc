// SPDX-License-Identifier: GPL-2.0
//
// lkl stat
#include <fmt/format.h>

#include "commands.h"
#include "format.h"
#include "session.h"
#include "tree.h"

namespace lkl::tool {

namespace {

struct StatOptions {
  ImageAndPaths operands;
  bool dereference = false;
};

void print_xattrs(Tree& tree, Place place) {
  std::vector<std::string> names;
  try {
    names = tree.xattr_names(place);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::operation_not_supported) return;
    throw;
  }
  for (const std::string& name : names)
    fmt::print(" Attr: {} ({} bytes)\n", name, tree.get_xattr(place, name).size());
}

void print_stat(Tree& tree, const std::string& path, bool follow) {
  const auto found = tree.find_path(path, follow);
  if (!found) throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  const Stat& stat = *found;
  const auto [parent, name] = split_path(path);
  const Handle directory = tree.open_directory(parent);

  fmt::print(" File: {}", printable(path, true));
  if (stat.is_symlink()) fmt::print(" -> {}", printable(tree.read_link({directory, name}), true));
  fmt::print("\n Size: {:<12} Blocks: {:<10} IO Block: {:<6} {}\n", stat.size, stat.blocks,
             stat.block_size, type_name(stat.mode));
  fmt::print("Inode: {:<12} Links: {}", stat.inode, stat.nlink);
  const std::uint32_t type = stat.mode & LKL_S_IFMT;
  if (type == LKL_S_IFCHR || type == LKL_S_IFBLK)
    fmt::print("  Device type: {},{}", stat.rdev_major, stat.rdev_minor);
  fmt::print("\n Mode: ({:04o}/{})  Uid: {}  Gid: {}\n", stat.mode & 07777, mode_string(stat.mode),
             stat.uid, stat.gid);
  fmt::print("Access: {}\nModify: {}\nChange: {}\n", full_time(stat.accessed),
             full_time(stat.modified), full_time(stat.changed));
  fmt::print(" Birth: {}\n", stat.born ? full_time(*stat.born) : "-");

  const bool regular_or_directory = stat.is_regular() || stat.is_directory();
  if (regular_or_directory) {
    static const std::string kItself;
    print_xattrs(tree, {tree.open_path(path), kItself});
  } else {
    print_xattrs(tree, {directory, name});
  }
}

void run_stat(const StatOptions& options, Context& context) {
  auto [image, partition, paths] = options.operands.resolve(context.options);
  if (paths.empty()) paths.push_back("/");
  Session session(context);
  const auto tree = make_image_tree(session.mount({image, partition, {}}));
  for (const std::string& path : paths) {
    try {
      print_stat(*tree, path, options.dereference);
    } catch (const std::system_error& error) {
      context.diagnostics.error(tree->display(path), error.code());
    }
  }
}

}  // namespace

Run add_stat(CLI::App& parser) {
  auto options = std::make_shared<StatOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] [PATH...]")
      ->type_name(" ");
  parser.add_flag("-L,--dereference", options->dereference, "Follow symbolic links");
  return [options](Context& context) { run_stat(*options, context); };
}

}  // namespace lkl::tool
