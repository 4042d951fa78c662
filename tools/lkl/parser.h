// SPDX-License-Identifier: GPL-2.0
//
// What a command adds its options to: CLI11's parser without its headers, which take longer to
// compile than any command. The names are CLI11's.
#ifndef LKL_TOOL_PARSER_H
#define LKL_TOOL_PARSER_H

#include <functional>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lkl::tool {

// A handle: what it is of belongs to the parser.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option& type_name(const std::string& name);
  Option& required();
  // One value each time that it is given, and it may be given again.
  Option& each_time();

  CLI::Option& option() const { return *option_; }

 private:
  CLI::Option* option_;
};

// A handle, too.
class Parser {
 public:
  explicit Parser(CLI::App& app) : app_(&app) {}

  Option add_flag(const std::string& names, bool& value, const std::string& description);
  // One that changes nothing: what it says is done anyhow.
  Option add_flag(const std::string& names, const std::string& description);

  // Of the types that parser.cc has.
  template <typename Value>
  Option add_option(const std::string& names, Value& value, const std::string& description);
  Option add_option_function(const std::string& names, std::function<void(const std::string&)> take,
                             const std::string& description);

  CLI::App& app() const { return *app_; }

 private:
  CLI::App* app_;
};

// A word that is none of the command's.
[[noreturn]] void refuse_word(const std::string& reason);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PARSER_H
