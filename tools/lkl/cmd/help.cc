// SPDX-License-Identifier: GPL-2.0
//
// lkl help
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "lkl/commands.h"

namespace lkl::tool {

namespace {

void run_help(const CLI::App& all, const std::string& name) {
  if (name.empty()) return fmt::print("{}", overview(all));
  for (const CLI::App* command : all.get_subcommands([](const CLI::App*) { return true; }))
    if (command->get_name() == name) return fmt::print("{}", command->help(all.get_name()));
  throw UsageFailure(fmt::format("{}: no such command; lkl help shows them", name));
}

}  // namespace

Run add_help(Parser parser) {
  auto name = std::make_shared<std::string>();
  parser.add_option("command", *name, "The command to explain").type_name("COMMAND");
  return [name, app = &parser.app()](Context&) { run_help(*app->get_parent(), *name); };
}

}  // namespace lkl::tool
