// SPDX-License-Identifier: GPL-2.0
//
// lkl cp: which operand is where, and what the copies are called. copy.cc does the copying.
#include "lkl/cmd/cp.h"
#include "base/host_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lkl/commands.h"
#include "tree/copy.h"
#include "tree/location.h"

namespace lkl::tool {

namespace {

struct CpOptions {
  std::vector<std::string> operands;
  bool no_owner = false;
  std::string owner;
  std::string preserve, no_preserve;
  std::string sparse = "auto";
  CopyOptions copy;
};

std::uint32_t parse_id(std::string_view text, const std::string& whole) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id == UINT32_MAX)
    throw UsageFailure(
        fmt::format("--owner: '{}' is not UID or UID:GID; they are numbers, as 0:0", whole));
  return id;
}

void set_kept(CopyOptions& options, const std::string& list, bool keep, const char* option) {
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    const std::string word = list.substr(at, comma - at);
    at = comma + 1;
    const bool all = word == "all";
    bool known = all;
    const auto set = [&](std::string_view name, bool& flag) {
      if (!all && word != name) return;
      flag = keep;
      known = true;
    };
    set("mode", options.keep_mode);
    set("ownership", options.keep_owner);
    set("timestamps", options.keep_times);
    set("links", options.keep_links);
    set("xattr", options.keep_xattrs);
    if (!known)
      throw UsageFailure(fmt::format(
          "{}: '{}' is none of mode, ownership, timestamps, links, xattr, all", option, word));
  }
}

CopyOptions copy_options(const CpOptions& options, const SessionOptions& common) {
  CopyOptions copy = options.copy;
  if (!options.preserve.empty()) {
    set_kept(copy, "all", false, "--preserve");
    set_kept(copy, options.preserve, true, "--preserve");
  }
  set_kept(copy, options.no_preserve, false, "--no-preserve");
  if (options.no_owner) copy.keep_owner = false;
  if (!options.owner.empty()) set_owner(copy, options.owner);
  if (options.sparse == "always")
    copy.sparse = Sparse::kAlways;
  else if (options.sparse == "never")
    copy.sparse = Sparse::kNever;
  else if (options.sparse != "auto")
    throw UsageFailure(
        fmt::format("--sparse: '{}' is none of auto, always, never", options.sparse));
  copy.verbose = common.verbose > 0;
  copy.quiet = common.quiet;
  return copy;
}

// Puts the names that match in the place of each pattern. One that matches nothing stays, and is
// then not found.
std::vector<Location> expand(Trees& trees, const std::vector<Location>& patterns) {
  std::vector<Location> sources;
  for (const Location& pattern : patterns) {
    const auto [directory, name] = split_path(pattern.path);
    Tree& tree = trees.of(pattern);
    std::vector<std::string> names;
    if (name.find_first_of("*?[") != std::string::npos && !tree.find_path(pattern.path, false) &&
        tree.find_path(directory, true)) {
      const Handle handle = tree.open_directory(directory);
      const auto stream = tree.read_directory(handle);
      for (std::string entry; stream->next(entry);)
        if (on_host::matches(name, entry, false, true)) names.push_back(entry);
    }
    std::sort(names.begin(), names.end());
    if (names.empty()) sources.push_back(pattern);
    for (const std::string& entry : names)
      sources.push_back({pattern.image, join_path(directory, entry)});
  }
  return sources;
}

void run_cp(const CpOptions& options, Context& context) {
  if (options.operands.size() < 2) throw UsageFailure("cp needs a source and a destination");
  CopyRequest request;
  request.copy = copy_options(options, context.options);
  // Here it has both meanings: the common option of this name is not there.
  context.options.force |= options.copy.force;
  for (const std::string& operand : options.operands)
    request.sources.push_back(locate(operand, context.options));
  request.destination = request.sources.back();
  request.sources.pop_back();
  const auto in_image = [](const Location& location) { return location.image.has_value(); };
  if (!in_image(request.destination) &&
      std::none_of(request.sources.begin(), request.sources.end(), in_image))
    throw UsageFailure(
        "neither side is an image; write IMAGE:/PATH, or :/PATH together with -a IMAGE");
  run_copy(context, request);
}

}  // namespace

void set_owner(CopyOptions& copy, const std::string& owner) {
  const std::size_t colon = owner.find(':');
  copy.uid = parse_id(std::string_view(owner).substr(0, colon), owner);
  if (colon != std::string::npos)
    copy.gid = parse_id(std::string_view(owner).substr(colon + 1), owner);
}

void run_copy(Context& context, const CopyRequest& request) {
  const Location& destination = request.destination;
  if (destination.image && context.options.read_only)
    throw UsageFailure("--ro: the destination is in an image, which has to be written");

  Session session(context.options, context.diagnostics);
  // Before the sources: one of them may be the same image, and needs less.
  if (destination.image)
    session.open_for_writing(destination.image->image);
  else
    session.host_paths().allow_writing(destination.path);
  for (const Location& source : request.sources) {
    open_location(session, source);
    // What matches is in there.
    if (!source.image && request.patterns)
      session.host_paths().allow_reading(split_path(source.path).first);
  }
  // Links may lead anywhere.
  if (request.copy.dereference) session.host_paths().allow_reading("/");
  if (destination.image) session.mount_for_writing(*destination.image);
  Trees trees(session);
  std::vector<TreePath> from;
  for (const Location& source : request.patterns ? expand(trees, request.sources) : request.sources)
    from.push_back({trees.of(source), source.path});
  copy_paths(context.diagnostics, request.copy, from, {trees.of(destination), destination.path});
}

Run add_cp(Parser parser) {
  auto options = std::make_shared<CpOptions>();
  CopyOptions& copy = options->copy;
  parser.add_option("operands", options->operands, "SOURCE... DESTINATION").type_name(" ");
  parser.add_flag("-r,-R,--recursive", copy.recursive, "Directories with all that is in them");
  parser.add_flag("-L,--dereference", copy.dereference, "Follow all symbolic links");
  parser.add_flag("--no-dereference", copy.no_dereference,
                  "Copy symbolic links themselves, those on the command line too");
  parser.add_flag("-f,--force", copy.force, "Remove what cannot be overwritten");
  parser.add_flag("-n,--no-clobber", copy.no_clobber, "Leave files alone that exist");
  parser.add_flag("-u,--update", copy.update, "Leave files alone that are not older");
  parser.add_flag("-T,--no-target-directory", copy.no_target_directory,
                  "The destination is the copy, not a directory to copy into");
  parser
      .add_option("--preserve", options->preserve,
                  "Keep only these: mode, ownership, timestamps, links, xattr, all")
      .type_name("ATTRIBUTES");
  parser.add_option("--no-preserve", options->no_preserve, "Do not keep these")
      .type_name("ATTRIBUTES");
  parser.add_flag("-p,--archive", "Keep all of these; it is what cp does anyhow");
  parser.add_flag("--no-owner", options->no_owner, "As --no-preserve=ownership");
  parser.add_option("--owner", options->owner, "Give everything to this user and group")
      .type_name("UID[:GID]");
  parser.add_flag("--trusted", copy.trusted,
                  "As root, out of an image: device nodes, set-ID bits and capabilities, too");
  parser.add_option("--sparse", options->sparse, "Whether to make holes")
      .type_name("auto|always|never");
  return [options](Context& context) { run_cp(*options, context); };
}

}  // namespace lkl::tool
