// SPDX-License-Identifier: GPL-2.0
//
// What a command is. A new one is a file cmd/NAME.cc with an add_NAME() function, a line in
// commands.def, and a manual page.
#ifndef LKL_TOOL_COMMANDS_H
#define LKL_TOOL_COMMANDS_H

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lkl/options.h"
#include "lkl/parser.h"

namespace lkl::tool {

// Does the command's work. Fails by throwing Failure, or goes on and tells the diagnostics.
using Run = std::function<void(Context&)>;

// Adds the command's own options to its parser and returns what runs it after the parsing.
using AddCommand = Run (*)(Parser parser);

#define LKL_GROUP(group, title)
#define LKL_COMMAND(name, ...) Run add_##name(Parser parser);
#include "lkl/commands.def"

// What a command works on; help shows them so.
enum class Group {
#define LKL_GROUP(group, title) group,
#define LKL_COMMAND(name, ...)
#include "lkl/commands.def"
};

struct Command {
  const char* name;
  Group group;
  const char* summary;
  AddCommand add;
  const char* own = "";   // names of common options that the command has for itself: "-a -t"
  bool in_shell = false;  // works on the image of lkl sh, too
  bool common = true;     // takes the common options
};

// All of them, group by group, and each by their names.
std::span<const Command> all_commands();

const char* title_of(Group group);

// What help shows: the commands in their groups, with what each does.
std::string overview(const CLI::App& all);

// Options of find as find(1) writes them, "-name X", become those of this parser.
// Throws CLI::ParseError for what only find(1) has.
std::vector<std::string> take_find_words(std::vector<std::string> words);

// The words of find(1) that it knows, each with its option.
struct FindWord {
  std::string_view word;
  const char* option;
};
std::span<const FindWord> find_words();

// Parses the words as they are. The parser by itself takes "[a,b]" for the list of a and b.
void parse_exactly(CLI::App& parser, std::vector<std::string> words);

// Adds -P.
Option add_volume_option(Parser parser, const std::string& names, SessionOptions& options);

// The image and paths of a command whose operands are "IMAGE[:PARTITION][:/PATH] [PATH...]", or
// just "[PATH...]" when -a names the image.
struct ImageAndPaths {
  std::vector<std::string> operands;

  // Takes the first operand as the image if no -a did. Throws UsageFailure when there is neither.
  struct Resolved {
    ImageName image;
    std::vector<std::string> paths;  // may be empty
  };
  Resolved resolve(const SessionOptions& options) const;
};

// --version, with what was built in and how large it is if `verbose`.
void print_version(bool verbose);

}  // namespace lkl::tool

#endif  // LKL_TOOL_COMMANDS_H
