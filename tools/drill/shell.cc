// SPDX-License-Identifier: GPL-2.0
#include "drill/shell.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <lkl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "drill/guest.h"

namespace lkl::tool::drill {

namespace {

constexpr int kFailed = 1;
constexpr int kSysctlFailed = 255;
constexpr unsigned kMostDepth = 8;

std::string_view without_end(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

std::string sysctl_path(std::string name) {
  std::replace(name.begin(), name.end(), '.', '/');
  return "/proc/sys/" + name;
}

}  // namespace

int GuestShell::complain(const std::string& message, int status) {
  errors_ += message + "\n";
  return status;
}

int GuestShell::run(std::string_view text) {
  using Link = ShellCommand::Link;
  int status = 0;
  std::string output;
  for (const ShellCommand& command : split_commands(text)) {
    if (command.link == Link::kAnd && status != 0) continue;
    if (command.link == Link::kOr && status == 0) continue;
    const std::string input = command.link == Link::kPipe ? std::move(output) : "";
    output.clear();
    status = run_command(command.words, input, output);
  }
  return status;
}

int GuestShell::run_command(const std::vector<std::string>& words, const std::string& input,
                            std::string& output) {
  const std::filesystem::path path = words[0];
  const std::string name = path.filename();
  if (name == "sysctl") return sysctl(words);
  if (name == "tc") return traffic_control(words);
  if (name == "ip") return ip(words);
  if (name == "grep") return grep(words, input, output);
  if (name == "true" || name == ":") return 0;
  if (name == "set_sysctls.py") return set_sysctls(words);
  if (words[0].starts_with("/tmp/sysctl_restore_")) return restore_sysctls();
  if (name.ends_with(".sh") && words.size() == 1) return run_file(words[0]);
  throw Failure(fmt::format(
      "the command '{}' is not known here (commands are for the kernel under test, and not run by "
      "the host: sysctl, set_sysctls.py, tc qdisc, ip tcp_metrics flush all, grep, scripts of "
      "these)",
      fmt::join(words, " ")));
}

int GuestShell::run_file(const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(folder_) / name;
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file)
    throw Failure(fmt::format("{}: {}", path.string(), describe({errno, std::system_category()})));
  if (++depth_ > kMostDepth) throw Failure(fmt::format("{} runs itself", name));
  const int status = run(text.str());
  depth_--;
  return status;
}

// sysctl [-q] [-w] [-e] NAME=VALUE...
int GuestShell::sysctl(const std::vector<std::string>& words) {
  bool ignore_unknown = false;
  int status = 0;
  for (std::size_t i = 1; i < words.size(); i++) {
    const std::string& word = words[i];
    if (word == "-q" || word == "-w" || word == "-qw" || word == "-e") {
      ignore_unknown = ignore_unknown || word == "-e";
      continue;
    }
    const std::size_t equals = word.find('=');
    if (word.starts_with('-') || equals == std::string::npos)
      throw Failure(fmt::format("sysctl {}: only -q, -w, -e and NAME=VALUE are known", word));
    const long error =
        write_guest_file(sysctl_path(word.substr(0, equals)), word.substr(equals + 1));
    if (error == 0 || (error == -LKL_ENOENT && ignore_unknown)) continue;
    status = complain(fmt::format("sysctl {}: {}", word, lkl_strerror(static_cast<int>(error))),
                      kSysctlFailed);
  }
  return status;
}

// set_sysctls.py FILE=VALUE...
int GuestShell::set_sysctls(const std::vector<std::string>& words) {
  for (std::size_t i = 1; i < words.size(); i++) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos || !words[i].starts_with("/proc/"))
      throw Failure(fmt::format("set_sysctls.py {}: /proc/FILE=VALUE is needed", words[i]));
    const std::string path = words[i].substr(0, equals);
    const std::optional<std::string> before = read_guest_file(path);
    if (!before) return complain(fmt::format("set_sysctls.py: {}: no such file", path), kFailed);
    saved_.emplace(path, *before);
    if (const long error = write_guest_file(path, words[i].substr(equals + 1)); error != 0)
      return complain(
          fmt::format("set_sysctls.py {}: {}", words[i], lkl_strerror(static_cast<int>(error))),
          kFailed);
  }
  return 0;
}

int GuestShell::restore_sysctls() {
  int status = 0;
  for (const auto& [path, value] : saved_)
    if (const long error = write_guest_file(path, std::string(without_end(value))); error != 0)
      status =
          complain(fmt::format("{}: {}", path, lkl_strerror(static_cast<int>(error))), kFailed);
  saved_.clear();
  return status;
}

// tc qdisc add|replace dev NAME root KIND
int GuestShell::traffic_control(const std::vector<std::string>& words) {
  const bool known = words.size() == 7 && words[1] == "qdisc" &&
                     (words[2] == "add" || words[2] == "replace") && words[3] == "dev" &&
                     words[5] == "root";
  if (!known)
    throw Failure(fmt::format("{}: only 'tc qdisc add|replace dev NAME root KIND' is known",
                              fmt::join(words, " ")));
  const long error = set_root_qdisc(words[4], words[6], words[2] == "replace");
  if (error == 0) return 0;
  return complain(
      fmt::format("{}: {}", fmt::join(words, " "), lkl_strerror(static_cast<int>(error))), 2);
}

int GuestShell::ip(const std::vector<std::string>& words) {
  if (words != std::vector<std::string>{"ip", "tcp_metrics", "flush", "all"})
    throw Failure(
        fmt::format("{}: only 'ip tcp_metrics flush all' is known", fmt::join(words, " ")));
  if (const long error = flush_tcp_metrics(); error != 0)
    return complain(fmt::format("ip tcp_metrics: {}", lkl_strerror(static_cast<int>(error))), 1);
  return 0;
}

// grep TEXT [FILE...], of the kernel's files or what comes by a pipe
int GuestShell::grep(const std::vector<std::string>& words, const std::string& input,
                     std::string& output) {
  if (words.size() < 2 || words[1].starts_with('-') ||
      words[1].find_first_of("*[]^$\\.") != std::string::npos)
    throw Failure(fmt::format("{}: only 'grep TEXT FILE...' is known, with no signs in the text",
                              fmt::join(words, " ")));
  std::vector<std::string> texts;
  for (std::size_t i = 2; i < words.size(); i++) {
    const std::optional<std::string> text = read_guest_file(words[i]);
    if (text)
      texts.push_back(*text);
    else
      complain(fmt::format("grep: {}: no such file", words[i]), 2);
  }
  if (words.size() == 2) texts.push_back(input);
  for (const std::string& text : texts) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      if (line.find(words[1]) != std::string::npos) output += line + "\n";
  }
  return output.empty() ? kFailed : 0;
}

}  // namespace lkl::tool::drill
