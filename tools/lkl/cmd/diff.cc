// SPDX-License-Identifier: GPL-2.0
//
// lkl diff
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/json.h"
#include "base/signals.h"
#include "lkl/commands.h"
#include "tree/copy.h"
#include "tree/location.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

enum { kSame = 0, kDifferent = 1, kTrouble = 2 };

struct DiffOptions {
  std::vector<std::string> operands;
  std::vector<std::string> exclude;
  bool times = false;
  bool no_owner = false;
  bool json = false;
};

// One side of the comparison.
struct Side {
  Tree& tree;
  Place place;
  std::string& path;  // grows and shrinks with the way down
  Stat stat = {};

  std::string shown(bool terminal) const { return printable(tree.display(path), terminal); }
};

class Comparer {
 public:
  Comparer(Context& context, const DiffOptions& options)
      : context_(context), options_(options), terminal_(on_host::is_terminal(STDOUT_FILENO)) {}

  // `below`: the path below where the comparison began.
  void compare(Side a, Side b, std::string& below) {
    check_interrupted();
    std::vector<std::string> differences;
    try {
      a.stat = must_find(a.tree, a.place);
      b.stat = must_find(b.tree, b.place);
      if ((a.stat.mode & LKL_S_IFMT) != (b.stat.mode & LKL_S_IFMT)) {
        report_types(a, b, below);
        return;
      }
      compare_attributes(a, b, differences);
      const bool other_content = !same_content(a, b);
      report(a, b, below, other_content, differences);
    } catch (const std::system_error& error) {
      trouble(a, b, error.code());
      return;
    }
    if (a.stat.is_directory()) compare_directories(a, b, below);
  }

  const Json& json() const { return json_; }

 private:
  void trouble(const Side& a, const Side& b, const std::error_code& code) {
    context_.diagnostics.error(
        fmt::format("{} and {}: not compared", a.shown(false), b.shown(false)), code);
  }

  void different(const std::string& below, const char* kind, Json more = Json::object()) {
    context_.exit = kDifferent;
    if (!options_.json) return;
    json_.push_back({{"path", below}, {"kind", kind}});
    json_.back().update(more);
  }

  void report_types(const Side& a, const Side& b, const std::string& below) {
    different(below, "type",
              {{"first", type_name(a.stat.mode)}, {"second", type_name(b.stat.mode)}});
    if (options_.json) return;
    fmt::print("File {} is a {} while file {} is a {}\n", a.shown(terminal_),
               type_name(a.stat.mode), b.shown(terminal_), type_name(b.stat.mode));
  }

  void report(const Side& a, const Side& b, const std::string& below, bool other_content,
              const std::vector<std::string>& differences) {
    if (other_content) {
      different(below, "content");
      if (!options_.json)
        fmt::print("{} {} and {} differ\n", a.stat.is_symlink() ? "Symbolic links" : "Files",
                   a.shown(terminal_), b.shown(terminal_));
    }
    if (differences.empty()) return;
    different(below, "attributes", {{"differences", differences}});
    if (!options_.json)
      fmt::print("Files {} and {} differ in {}\n", a.shown(terminal_), b.shown(terminal_),
                 fmt::join(differences, ", "));
  }

  void report_only(const Side& directory, const std::string& name, const std::string& below,
                   bool first) {
    different(join_below(below, name), first ? "only in first" : "only in second");
    if (!options_.json)
      fmt::print("Only in {}: {}\n", directory.shown(terminal_), printable(name, terminal_));
  }

  static std::string join_below(const std::string& below, const std::string& name) {
    return below.empty() ? name : join_path(below, name);
  }

  bool left_out(const std::string& name) const {
    return std::any_of(options_.exclude.begin(), options_.exclude.end(),
                       [&](const std::string& pattern) { return on_host::matches(pattern, name); });
  }

  void compare_directories(const Side& a, const Side& b, std::string& below) {
    Handle in_a, in_b;
    std::vector<std::string> names_a, names_b;
    const auto open = [](const Side& side, Handle& in) {
      in = side.tree.open_directory(side.place);
      Names found = sorted_names(side.tree, in);
      if (found.error) throw std::system_error(found.error);
      return std::move(found.names);
    };
    try {
      // A cycle in both is one in the first.
      inside_.enter(a.stat, a.shown(false));
      names_a = open(a, in_a);
      names_b = open(b, in_b);
    } catch (const Failure& failure) {
      context_.diagnostics.error(failure.what());
      return;
    } catch (const std::system_error& error) {
      inside_.leave(a.stat);
      trouble(a, b, error.code());
      return;
    }
    auto at_a = names_a.begin();
    auto at_b = names_b.begin();
    while (at_a != names_a.end() || at_b != names_b.end()) {
      const bool only_a = at_b == names_b.end() || (at_a != names_a.end() && *at_a < *at_b);
      const bool only_b = !only_a && (at_a == names_a.end() || *at_b < *at_a);
      const std::string& name = only_b ? *at_b : *at_a;
      if (!left_out(name)) {
        if (only_a || only_b)
          report_only(only_a ? a : b, name, below, only_a);
        else
          compare_below(a, in_a, b, in_b, name, below);
      }
      if (!only_b) ++at_a;
      if (!only_a) ++at_b;
    }
    inside_.leave(a.stat);
  }

  // No level of a deep tree holds paths of its own.
  void compare_below(const Side& a, const Handle& in_a, const Side& b, const Handle& in_b,
                     const std::string& name, std::string& below) {
    const PathBelow path_a(a.path, name), path_b(b.path, name), path_below(below, name);
    compare({a.tree, {in_a, name}, a.path}, {b.tree, {in_b, name}, b.path}, below);
  }

  // What there is besides times and attributes.
  bool same_content(const Side& a, const Side& b) {
    switch (a.stat.mode & LKL_S_IFMT) {
      case LKL_S_IFREG:
        return a.stat.size == b.stat.size && same_data(a, b);
      case LKL_S_IFLNK:
        return a.tree.read_link(a.place) == b.tree.read_link(b.place);
      case LKL_S_IFCHR:
      case LKL_S_IFBLK:
        return a.stat.rdev_major == b.stat.rdev_major && a.stat.rdev_minor == b.stat.rdev_minor;
      default:
        return true;
    }
  }

  bool same_data(const Side& a, const Side& b) {
    const Handle file_a = a.tree.open_file(a.place), file_b = b.tree.open_file(b.place);
    const std::uint64_t size = a.stat.size;
    for (std::uint64_t at = 0; at < size;) {
      check_interrupted();
      // Where both have a hole, both are zero.
      const auto data_a = a.tree.next_extent(file_a, at, size);
      const auto data_b = b.tree.next_extent(file_b, at, size);
      const std::uint64_t next =
          std::min(data_a ? data_a->begin : size, data_b ? data_b->begin : size);
      if (next > at) {
        at = next;
        continue;
      }
      // Both in full: a host's file system may give less than asked for.
      const std::size_t n = read_full(a.tree, file_a, buffer_a_, at);
      if (read_full(b.tree, file_b, buffer_b_, at) != n) return false;
      if (!std::equal(buffer_a_.begin(), buffer_a_.begin() + static_cast<std::ptrdiff_t>(n),
                      buffer_b_.begin()))
        return false;
      if (n == 0) return true;  // both have shrunk
      at += n;
    }
    return true;
  }

  static std::size_t read_full(Tree& tree, const Handle& file, std::span<std::byte> into,
                               std::uint64_t at) {
    std::size_t done = 0;
    while (done < into.size()) {
      const std::size_t n = tree.read(file, into.subspan(done), at + done);
      if (n == 0) break;
      done += n;
    }
    return done;
  }

  void compare_attributes(const Side& a, const Side& b, std::vector<std::string>& differences) {
    if (a.tree.unix_attributes() && b.tree.unix_attributes()) {
      const std::uint32_t mode_a = a.stat.mode & 07777, mode_b = b.stat.mode & 07777;
      if (mode_a != mode_b)
        differences.push_back(fmt::format("mode ({:04o}, {:04o})", mode_a, mode_b));
      if (!options_.no_owner && (a.stat.uid != b.stat.uid || a.stat.gid != b.stat.gid))
        differences.push_back(
            fmt::format("owner ({}:{}, {}:{})", a.stat.uid, a.stat.gid, b.stat.uid, b.stat.gid));
      if (xattrs_of(a) != xattrs_of(b)) differences.push_back("attributes");
    }
    if (options_.times && a.stat.modified != b.stat.modified)
      differences.push_back(
          fmt::format("time ({}, {})", full_time(a.stat.modified), full_time(b.stat.modified)));
  }

  static std::vector<std::pair<std::string, std::string>> xattrs_of(const Side& side) {
    std::vector<std::pair<std::string, std::string>> found;
    if (side.stat.is_symlink()) return found;
    try {
      for (const std::string& name : side.tree.xattr_names(side.place))
        if (is_kept_xattr(name)) found.emplace_back(name, side.tree.get_xattr(side.place, name));
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::operation_not_supported) throw;
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static constexpr std::size_t kChunk = 1 << 20;

  Context& context_;
  const DiffOptions& options_;
  bool terminal_;
  std::vector<std::byte> buffer_a_ = std::vector<std::byte>(kChunk);
  std::vector<std::byte> buffer_b_ = std::vector<std::byte>(kChunk);
  Ancestors inside_;
  Json json_ = Json::array();
};

void run_diff(const DiffOptions& options, Context& context) {
  context.failed_exit = kTrouble;
  if (options.operands.size() != 2) throw UsageFailure("diff compares two: name them");
  const Location first = locate(options.operands[0], context.options, Plain::kImage);
  const Location second = locate(options.operands[1], context.options, Plain::kImage);
  Session session(context.options, context.diagnostics);
  for (const Location& location : {first, second}) open_location(session, location);
  Trees trees(session);
  Tree& tree_a = trees.of(first);
  Tree& tree_b = trees.of(second);
  const auto open = [&](Tree& tree, const std::string& path) {
    try {
      return open_place(tree, path, true);
    } catch (const std::system_error& error) {
      throw Failure(fmt::format("{}: {}", tree.display(path), describe(error.code())));
    }
  };
  const OpenPlace a = open(tree_a, first.path), b = open(tree_b, second.path);
  Comparer comparer(context, options);
  std::string path_a = first.path, path_b = second.path, below;
  comparer.compare({tree_a, a.place(), path_a}, {tree_b, b.place(), path_b}, below);
  if (options.json) print_json(comparer.json());
}

}  // namespace

Run add_diff(Parser parser) {
  auto options = std::make_shared<DiffOptions>();
  parser.add_option("operands", options->operands, "FIRST SECOND").type_name(" ");
  parser.add_flag("--times", options->times, "Compare the times of the last change, too");
  parser.add_flag("--no-owner", options->no_owner, "Do not compare owners");
  parser.add_option("-x,--exclude", options->exclude, "Leave names out that match (again for more)")
      .type_name("PATTERN")
      .each_time();
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_diff(*options, context); };
}

}  // namespace lkl::tool
