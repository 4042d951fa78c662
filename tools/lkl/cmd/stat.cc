// SPDX-License-Identifier: GPL-2.0
//
// lkl stat
#include <fmt/format.h>

#include "base/format.h"
#include "base/json.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"

namespace lkl::tool {

namespace {

struct StatOptions {
  ImageAndPaths operands;
  bool dereference = false;
  bool json = false;
};

struct Described {
  Stat stat;
  std::string target;
  std::vector<std::pair<std::string, std::size_t>> xattrs;  // names and lengths
};

void add_xattrs(Tree& tree, Place place, Described& file) {
  std::vector<std::string> names;
  try {
    names = tree.xattr_names(place);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::operation_not_supported) return;
    throw;
  }
  for (const std::string& name : names)
    file.xattrs.emplace_back(name, tree.get_xattr(place, name).size());
}

Described describe(Tree& tree, const std::string& path, bool follow) {
  const auto found = tree.find_path(path, follow);
  if (!found) throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
  Described file{*found, {}, {}};
  const auto [parent, name] = split_path(path);
  const Handle directory = tree.open_directory(parent);
  if (found->is_symlink()) file.target = tree.read_link({directory, name});
  if (found->is_regular() || found->is_directory()) {
    static const std::string kItself;
    add_xattrs(tree, {tree.open_path(path), kItself}, file);
  } else {
    add_xattrs(tree, {directory, name}, file);
  }
  return file;
}

Json to_json(const std::string& path, const Described& file) {
  Json json = json_of(path, file.stat);
  if (file.stat.is_symlink()) json["target"] = file.target;
  json["attributes"] = Json::array();
  for (const auto& [name, length] : file.xattrs)
    json["attributes"].push_back({{"name", name}, {"size", length}});
  return json;
}

void print_stat(const std::string& path, const Described& file) {
  const Stat& stat = file.stat;
  fmt::print(" File: {}", printable(path, true));
  if (stat.is_symlink()) fmt::print(" -> {}", printable(file.target, true));
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
  for (const auto& [name, length] : file.xattrs) fmt::print(" Attr: {} ({} bytes)\n", name, length);
}

void run_stat(const StatOptions& options, Context& context) {
  Workplace workplace(context, options.operands, Access::kRead);
  if (workplace.paths.empty()) workplace.paths.push_back(workplace.top());
  Json all = Json::array();
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    const Described file = describe(workplace.tree(), path, options.dereference);
    if (options.json)
      all.push_back(to_json(path, file));
    else
      print_stat(path, file);
  });
  if (options.json) print_json(all);
}

}  // namespace

Run add_stat(Parser parser) {
  auto options = std::make_shared<StatOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] [PATH...]")
      .type_name(" ");
  parser.add_flag("-L,--dereference", options->dereference, "Follow symbolic links");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_stat(*options, context); };
}

}  // namespace lkl::tool
