// SPDX-License-Identifier: GPL-2.0
//
// The commands of a script. They are for the kernel under test, so none of them is run by a shell
// of the host: those that the kernel tree's scripts use are understood here, and others are errors.
#ifndef LKL_TOOL_DRILL_SHELL_H
#define LKL_TOOL_DRILL_SHELL_H

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lkl::tool::drill {

// One of them with its words; how it goes on with the one before.
struct ShellCommand {
  enum class Link { kAlways, kAnd, kOr, kPipe };
  Link link = Link::kAlways;
  std::vector<std::string> words;
};

// As sh would: quotes, comments, $((sums)), ${NAME}, lines that go on after a backslash, ;, &&, ||
// and |. What goes to /dev/null goes nowhere anyway. Throws Failure for what else there is.
std::vector<ShellCommand> split_commands(std::string_view text);

class GuestShell {
 public:
  // Where ./defaults.sh and its like are.
  explicit GuestShell(std::string folder) : folder_(std::move(folder)) {}

  // The status of the last command. Throws Failure for a command that is not known.
  int run(std::string_view text);
  // What they have complained of since this was asked.
  std::string take_errors() { return std::exchange(errors_, {}); }

 private:
  int run_command(const std::vector<std::string>& words, const std::string& input,
                  std::string& output);
  int sysctl(const std::vector<std::string>& words);
  int set_sysctls(const std::vector<std::string>& words);
  int restore_sysctls();
  int traffic_control(const std::vector<std::string>& words);
  int ip(const std::vector<std::string>& words);
  int grep(const std::vector<std::string>& words, const std::string& input, std::string& output);
  int run_file(const std::string& name);
  int complain(const std::string& message, int status);

  std::string folder_;
  std::string errors_;
  // What set_sysctls.py has changed: files, with what they were.
  std::map<std::string, std::string> saved_;
  unsigned depth_ = 0;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_SHELL_H
