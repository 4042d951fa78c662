// SPDX-License-Identifier: GPL-2.0
//
// What a command is. A new one is a file with an add_... function, declared here and listed in
// the table in main.cc.
#ifndef LKL_TOOL_COMMANDS_H
#define LKL_TOOL_COMMANDS_H

#include <CLI/CLI.hpp>

#include <functional>
#include <span>

#include "lkl/options.h"

namespace lkl::tool {

// Does the command's work. Fails by throwing Failure, or goes on and tells the diagnostics.
using Run = std::function<void(Context&)>;

// Adds the command's own options to its parser and returns what runs it after the parsing.
using AddCommand = Run (*)(CLI::App& parser);

Run add_bisect(CLI::App& parser);
Run add_build(CLI::App& parser);
Run add_cat(CLI::App& parser);
Run add_chmod(CLI::App& parser);
Run add_chown(CLI::App& parser);
Run add_cp(CLI::App& parser);
Run add_df(CLI::App& parser);
Run add_diff(CLI::App& parser);
Run add_domains(CLI::App& parser);
Run add_du(CLI::App& parser);
Run add_find(CLI::App& parser);
Run add_info(CLI::App& parser);
Run add_ln(CLI::App& parser);
Run add_ls(CLI::App& parser);
Run add_mkdir(CLI::App& parser);
Run add_mount(CLI::App& parser);
Run add_mv(CLI::App& parser);
Run add_rm(CLI::App& parser);
Run add_rmdir(CLI::App& parser);
Run add_sh(CLI::App& parser);
Run add_stat(CLI::App& parser);
Run add_tar(CLI::App& parser);
Run add_test(CLI::App& parser);
Run add_touch(CLI::App& parser);
Run add_truncate(CLI::App& parser);
Run add_umount(CLI::App& parser);
Run add_write(CLI::App& parser);

struct Command {
  const char* name;
  const char* summary;
  AddCommand add;
  const char* own = "";   // names of common options that the command has for itself: "-a -t"
  bool in_shell = false;  // works on the image of lkl sh, too
};

// All of them, in the order of their names.
std::span<const Command> all_commands();

// Options of find as find(1) writes them, "-name X", become those of this parser.
// Throws CLI::ParseError for what only find(1) has.
std::vector<std::string> take_find_words(std::vector<std::string> words);

// Parses the words as they are. The parser by itself takes "[a,b]" for the list of a and b.
void parse_exactly(CLI::App& parser, std::vector<std::string> words);

// Adds -P.
CLI::Option* add_volume_option(CLI::App& parser, const std::string& names, SessionOptions& options);

// The image and paths of a command whose operands are "IMAGE[:PARTITION][:/PATH] [PATH...]", or
// just "[PATH...]" when -a names the image.
struct ImageAndPaths {
  std::vector<std::string> operands;

  // Takes the first operand as the image if no -a did. Throws UsageFailure when there is neither.
  struct Resolved {
    std::string image;
    std::optional<VolumeChoice> volume;
    std::vector<std::string> paths;  // may be empty
  };
  Resolved resolve(const SessionOptions& options) const;
};

// --version, with what was built in and how large it is if `verbose`.
void print_version(bool verbose);

}  // namespace lkl::tool

#endif  // LKL_TOOL_COMMANDS_H
