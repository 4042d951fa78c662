// SPDX-License-Identifier: GPL-2.0
//
// lkl ls
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/json.h"
#include "base/signals.h"
#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct LsOptions {
  ImageAndPaths operands;
  bool all = false;
  bool long_format = false;
  bool human = false;
  bool one_column = false;
  bool recursive = false;
  bool directory = false;  // -d
  bool inode = false;
  bool json = false;
};

struct Item {
  std::string name;  // as it is shown
  std::string target;
  std::optional<Stat> stat;  // only where a column needs it
};

class Lister {
 public:
  Lister(Context& context, const LsOptions& options, Tree& tree)
      : context_(context),
        options_(options),
        tree_(tree),
        terminal_(on_host::is_terminal(STDOUT_FILENO)) {}

  void list(const std::vector<std::string>& paths) {
    // As ls does: first the operands that are no directories, then the directories.
    std::vector<Item> files;
    std::vector<std::string> directories;
    for (const std::string& path : paths) {
      try {
        // With -l a link on the command line is shown, else what it points to.
        auto stat = tree_.find_path(path, !options_.long_format && !options_.json);
        if (!stat) stat = tree_.find_path(path, false);
        if (!stat) {
          context_.diagnostics.error(tree_.display(path),
                                     std::make_error_code(std::errc::no_such_file_or_directory));
        } else if (stat->is_directory() && !options_.directory) {
          directories.push_back(path);
        } else {
          files.push_back({path, link_target(path, *stat), stat});
        }
      } catch (const std::system_error& error) {
        context_.diagnostics.error(tree_.display(path), error.code());
      }
    }
    if (options_.json)
      for (const Item& file : files) add_json(file, file.name);
    else
      print(files);
    separate_ = !files.empty();
    titles_ = options_.recursive || paths.size() > 1;
    for (const std::string& path : directories) {
      try {
        if (options_.recursive)
          list_tree(path);
        else
          list_directory(tree_.open_directory(path), path);
      } catch (const std::system_error& error) {
        context_.diagnostics.error(tree_.display(path), error.code());
      }
    }
  }

  const Json& json() const { return json_; }

 private:
  std::string link_target(const std::string& path, const Stat& stat) {
    if (!stat.is_symlink() || !(options_.long_format || options_.json)) return {};
    const auto [parent, name] = split_path(path);
    return tree_.read_link({tree_.open_directory(parent), name});
  }

  void list_directory(const Handle& directory, const std::string& path) {
    std::vector<Item> items;
    std::uint64_t blocks = 0;
    const bool need_stat = options_.long_format || options_.inode || options_.json;
    const auto add = [&](const std::string& name) {
      Item item{name, {}, {}};
      if (need_stat) {
        item.stat = tree_.find({directory, name});
        if (!item.stat) return;  // cannot go away in an image; nothing to show then
        blocks += item.stat->blocks;
        if (item.stat->is_symlink() && (options_.long_format || options_.json))
          item.target = tree_.read_link({directory, name});
      }
      items.push_back(std::move(item));
    };
    if (options_.all)
      for (const char* dots : {".", ".."}) add(dots);
    const Names found = sorted_names(tree_, directory);
    for (const std::string& name : found.names) {
      check_interrupted();
      if (!options_.all && name.starts_with('.')) continue;
      try {
        add(name);
      } catch (const std::system_error& error) {
        // One damaged entry must not hide the others.
        context_.diagnostics.error(tree_.display(join_path(path, name)), error.code());
      }
    }
    if (found.error) context_.diagnostics.error(tree_.display(path), found.error);
    std::sort(items.begin(), items.end(),
              [](const Item& a, const Item& b) { return a.name < b.name; });

    if (options_.json) {
      for (const Item& item : items) add_json(item, join_path(path, item.name));
    } else {
      if (separate_) fmt::print("\n");
      separate_ = true;
      if (titles_) fmt::print("{}:\n", printable(path, terminal_));
      if (options_.long_format)
        fmt::print("total {}\n",
                   options_.human ? human_size(blocks * 512) : fmt::format("{}", blocks / 2));
      print(items);
    }
  }

  // Each directory, before those in it.
  void list_tree(const std::string& path) {
    WalkHooks hooks;
    hooks.before = [&](const Visit& visit) {
      const bool wanted = visit.stat.is_directory() &&
                          (options_.all || visit.depth == 0 || !visit.place.name.starts_with('.'));
      if (wanted) list_directory(tree_.open_directory(visit.place), visit.path);
      return wanted;
    };
    walk(context_.diagnostics, tree_, open_place(tree_, path, true), hooks);
  }

  void add_json(const Item& item, const std::string& path) {
    json_.push_back(json_of(path, *item.stat));
    if (item.stat->is_symlink()) json_.back()["target"] = item.target;
  }

  void print(const std::vector<Item>& items) {
    if (options_.long_format)
      print_long(items);
    else if (terminal_ && !options_.one_column)
      print_columns(items);
    else
      for (const Item& item : items) fmt::print("{}\n", shown_name(item));
  }

  std::string shown_name(const Item& item) const {
    const std::string name = printable(item.name, terminal_);
    return options_.inode ? fmt::format("{} {}", item.stat->inode, name) : name;
  }

  std::string size_column(const Stat& stat) const {
    const std::uint32_t type = stat.mode & LKL_S_IFMT;
    if (type == LKL_S_IFCHR || type == LKL_S_IFBLK)
      return fmt::format("{}, {}", stat.rdev_major, stat.rdev_minor);
    return options_.human ? human_size(stat.size) : fmt::format("{}", stat.size);
  }

  void print_long(const std::vector<Item>& items) const {
    std::size_t links = 1, uid = 1, gid = 1, size = 1;
    const auto widen = [](std::size_t& width, const auto& value) {
      width = std::max(width, fmt::formatted_size("{}", value));
    };
    for (const Item& item : items) {
      widen(links, item.stat->nlink);
      widen(uid, item.stat->uid);
      widen(gid, item.stat->gid);
      widen(size, size_column(*item.stat));
    }
    for (const Item& item : items) {
      const Stat& stat = *item.stat;
      fmt::print("{} {:>{}} {:>{}} {:>{}} {:>{}} {} {}", mode_string(stat.mode), stat.nlink, links,
                 stat.uid, uid, stat.gid, gid, size_column(stat), size, short_time(stat.modified),
                 shown_name(item));
      if (!item.target.empty()) fmt::print(" -> {}", printable(item.target, terminal_));
      fmt::print("\n");
    }
  }

  // Down the columns, as many as fit.
  void print_columns(const std::vector<Item>& items) const {
    if (items.empty()) return;
    std::vector<std::string> names;
    std::size_t widest = 0;
    for (const Item& item : items) {
      names.push_back(shown_name(item));
      widest = std::max(widest, names.back().size() + 2);
    }
    const std::size_t width = on_host::terminal_width(STDOUT_FILENO).value_or(80);
    const std::size_t columns = std::max<std::size_t>(1, width / widest);
    const std::size_t rows = (names.size() + columns - 1) / columns;
    for (std::size_t row = 0; row < rows; row++) {
      for (std::size_t at = row; at < names.size(); at += rows) {
        const bool last = at + rows >= names.size();
        fmt::print("{:<{}}", names[at], last ? 0 : widest);
      }
      fmt::print("\n");
    }
  }

  Context& context_;
  const LsOptions& options_;
  Tree& tree_;
  bool terminal_;
  bool separate_ = false;
  bool titles_ = false;
  Json json_ = Json::array();
};

void run_ls(const LsOptions& options, Context& context) {
  Workplace workplace(context, options.operands, Access::kRead);
  if (workplace.paths.empty()) workplace.paths.push_back(workplace.top());
  Lister lister(context, options, workplace.tree());
  lister.list(workplace.paths);
  if (options.json) print_json(lister.json());
}

}  // namespace

Run add_ls(Parser parser) {
  auto options = std::make_shared<LsOptions>();
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] [PATH...]")
      .type_name(" ");
  parser.add_flag("-a,--all", options->all, "Names that begin with a dot too");
  parser.add_flag("-l,--long", options->long_format, "Mode, links, owner, size, time");
  parser.add_flag("-h,--human-readable", options->human, "Sizes as 1.5K, 20M, 3G");
  parser.add_flag("-1,--one-column", options->one_column, "One name a line, on a terminal too");
  parser.add_flag("-R,--recursive", options->recursive, "Directories below too");
  parser.add_flag("-d,--directory", options->directory,
                  "Directories themselves, not their contents");
  parser.add_flag("-i,--inode", options->inode, "Inode numbers too");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_ls(*options, context); };
}

}  // namespace lkl::tool
