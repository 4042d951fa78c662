// SPDX-License-Identifier: GPL-2.0
//
// lkl chown
#include <fmt/format.h>

#include <charconv>

#include "lkl/commands.h"
#include "lkl/workplace.h"
#include "tree/walk.h"

namespace lkl::tool {

namespace {

struct ChownOptions {
  std::string owner;
  ImageAndPaths operands;
  bool recursive = false;
  bool no_dereference = false;
};

constexpr std::uint32_t kUnchanged = UINT32_MAX;

struct Owner {
  std::uint32_t uid = kUnchanged;
  std::uint32_t gid = kUnchanged;
};

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id == kUnchanged)
    return std::nullopt;
  return id;
}

std::string read_all(Tree& tree, const std::string& path) {
  constexpr std::size_t kMost = 16 << 20;  // whatever else an image may have by that name
  const Handle file = tree.open_path(path);
  std::string text;
  for (std::vector<std::byte> chunk(64 * 1024); text.size() < kMost;) {
    const std::size_t n = tree.read(file, chunk, text.size());
    if (n == 0) break;
    text.append(reinterpret_cast<const char*>(chunk.data()), n);
  }
  return text;
}

// The fields of the line that begins with this name, in /etc/passwd or /etc/group of the image.
std::vector<std::string> look_up(Tree& tree, const std::string& file, const std::string& name) {
  std::string text;
  try {
    text = read_all(tree, file);
  } catch (const std::system_error& error) {
    throw Failure(fmt::format("{}: {}; names are looked up there, use numbers", tree.display(file),
                              describe(error.code())));
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::vector<std::string> fields(1);
    for (const char c : text.substr(at, end - at)) {
      if (c == ':')
        fields.emplace_back();
      else
        fields.back() += c;
    }
    at = end + 1;
    if (fields.front() == name && fields.size() >= 4) return fields;
  }
  throw Failure(fmt::format("{}: has no '{}'; use a number", tree.display(file), name));
}

std::uint32_t id_of(Tree& tree, const std::string& file, const std::string& name) {
  if (const auto id = number(name)) return *id;
  const auto id = number(look_up(tree, file, name)[2]);
  if (!id) throw Failure(fmt::format("{}: no number for '{}'", tree.display(file), name));
  return *id;
}

Owner parse_owner(Tree& tree, const std::string& text) {
  Owner owner;
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string user = text.substr(0, colon);
  if (!user.empty()) owner.uid = id_of(tree, "/etc/passwd", user);
  if (colon == text.size()) return owner;
  const std::string group = text.substr(colon + 1);
  if (!group.empty()) {
    owner.gid = id_of(tree, "/etc/group", group);
  } else if (!user.empty()) {
    // "user:" is the group the user logs in with.
    if (number(user)) throw UsageFailure(fmt::format("'{}': which group? Write UID:GID", text));
    owner.gid = number(look_up(tree, "/etc/passwd", user)[3]).value_or(kUnchanged);
  }
  return owner;
}

void run_chown(const ChownOptions& options, Context& context) {
  if (options.owner.empty() || options.owner == ":")
    throw UsageFailure("chown needs an owner, UID[:GID], and a path in the image");
  Workplace workplace(context, options.operands, Access::kWrite, "a path in the image", 1);
  Tree& tree = workplace.tree();
  if (!tree.unix_attributes())
    throw Failure(
        fmt::format("{}: {} keeps no owners", tree.display("/"), workplace.volume().type));
  const Owner owner = parse_owner(tree, options.owner);
  WalkHooks hooks;
  hooks.before = [&](const Visit& visit) {
    tree.set_owner(visit.place, owner.uid, owner.gid);
    say(context, "owner {} for {}", options.owner, tree.display(visit.path));
    return options.recursive;
  };
  // A tree's links are changed themselves: where they lead to need not be in the tree.
  const bool follow = !options.no_dereference && !options.recursive;
  workplace.for_each(workplace.paths, [&](const std::string& path) {
    walk(context.diagnostics, tree, open_place(tree, path, follow), hooks);
  });
}

}  // namespace

Run add_chown(Parser parser) {
  auto options = std::make_shared<ChownOptions>();
  parser.add_option("owner", options->owner, "UID[:GID], or names that the image knows")
      .type_name("OWNER");
  parser.add_option("operands", options->operands.operands, "IMAGE[:PARTITION] PATH...")
      .type_name(" ");
  parser.add_flag("-R,--recursive", options->recursive, "Directories with all that is in them");
  parser.add_flag("-h,--no-dereference", options->no_dereference,
                  "Symbolic links themselves, not what they lead to");
  return [options](Context& context) { run_chown(*options, context); };
}

}  // namespace lkl::tool
