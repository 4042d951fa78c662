// SPDX-License-Identifier: GPL-2.0
#include "lkl/commands.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

namespace lkl::tool {

namespace {

constexpr Command kCommands[] = {
#define LKL_GROUP(group, title)
#define LKL_COMMAND(name_, group_, summary_, ...) \
  {.name = #name_,                                \
   .group = Group::group_,                        \
   .summary = summary_,                           \
   .add = add_##name_ __VA_OPT__(, ) __VA_ARGS__},
#include "lkl/commands.def"
};

constexpr const char* kTitles[] = {
#define LKL_GROUP(group, title) title,
#define LKL_COMMAND(...)
#include "lkl/commands.def"
};

static_assert(std::is_sorted(std::begin(kCommands), std::end(kCommands),
                             [](const Command& a, const Command& b) { return a.group < b.group; }),
              "commands.def: a command stands among those of another group");

}  // namespace

std::span<const Command> all_commands() {
  return kCommands;
}

const char* title_of(Group group) {
  return kTitles[static_cast<std::size_t>(group)];
}

std::string overview(const CLI::App& all) {
  std::string text = fmt::format("{}\nUsage: {} [OPTIONS] COMMAND [ARGUMENTS]\n",
                                 all.get_description(), all.get_name());
  const Command* before = nullptr;
  for (const Command& command : kCommands) {
    if (before == nullptr || before->group != command.group)
      text += fmt::format("\n{}:\n", title_of(command.group));
    text += fmt::format("  {:<10}{}\n", command.name, command.summary);
    before = &command;
  }
  return text +
         "\nlkl help COMMAND explains one, lkl --help the options that they have in common.\n" +
         all.get_footer() + "\n";
}

}  // namespace lkl::tool
