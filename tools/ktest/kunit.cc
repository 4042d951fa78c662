// SPDX-License-Identifier: GPL-2.0
#include "ktest/kunit.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "ktest/kernel_log.h"
#include "lkl_build_info.h"

namespace lkl::tool {

namespace {

constexpr char kRunFile[] = "/debugfs/lkl/kunit";
constexpr char kSlowFilter[] = "speed>slow";

// Names may have blanks in them, so only what follows tells a suite from other messages.
bool is_test_of(std::string_view suite, std::string_view line) {
  return line.size() > suite.size() + 1 && line.starts_with(suite) && line[suite.size()] == '.';
}

// "# NAME: VALUE"
std::optional<std::pair<std::string_view, std::string_view>> attribute(std::string_view line) {
  if (!line.starts_with("# ")) return std::nullopt;
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  return std::pair{line.substr(2, colon - 2), line.substr(colon + 2)};
}

void take_attribute(KunitSuite& suite, std::string_view name, std::string_view value) {
  if (name == "is_init") suite.while_boot = value == "true";
  // of the suite, or TEST.speed
  if (name == "speed" || name.ends_with(".speed"))
    suite.slow = suite.slow || value == "slow" || value == "very_slow";
}

}  // namespace

std::vector<KunitSuite> read_suite_list(std::string_view log) {
  std::vector<KunitSuite> suites;
  const std::size_t begin = log.find("KTAP version ");
  if (begin == std::string_view::npos) return suites;
  const std::vector<std::string_view> lines = lines_of(log.substr(begin));
  const auto is_attribute = [](std::string_view line) { return attribute(line).has_value(); };
  for (auto line = lines.begin() + 1; line != lines.end(); ++line) {
    if (const auto known = attribute(*line)) {
      if (!suites.empty()) take_attribute(suites.back(), known->first, known->second);
      continue;
    }
    if (!suites.empty() && is_test_of(suites.back().name, *line)) {
      suites.back().tests.emplace_back(line->substr(suites.back().name.size() + 1));
      continue;
    }
    const auto next = std::find_if_not(line + 1, lines.end(), is_attribute);
    if (next == lines.end() || !is_test_of(*line, *next)) continue;
    suites.emplace_back();
    suites.back().name = *line;
  }
  return suites;
}

KunitFilter::KunitFilter(std::string_view text) {
  if (text.empty()) return;
  const std::size_t dot = text.find('.');
  suite = text.substr(0, dot);
  if (dot != std::string_view::npos) test = text.substr(dot + 1);
}

bool KunitFilter::matches(const KunitSuite& candidate) const {
  if (fnmatch(suite.c_str(), candidate.name.c_str(), 0) != 0) return false;
  return test.empty() ||
         std::any_of(candidate.tests.begin(), candidate.tests.end(), [&](const std::string& name) {
           return fnmatch(test.c_str(), name.c_str(), 0) == 0;
         });
}

std::string escape_glob(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

KunitKernel::KunitKernel(std::uint64_t memory) : memory_(memory) {
  const BootLog log;
  kernel_ = boot_for_tests(memory, "kunit.enable=1 kunit.action=list_attr");
  suites_ = read_suite_list(log.text());
  if (suites_.empty())
    throw Failure(fmt::format(
        "this library is not built with KUnit (its profile is {}): build the preset 'kunit' "
        "(cmake --preset kunit && cmake --build --preset kunit) and use that one's lkl",
        LKL_PROFILE));
  char debugfs[] = "debugfs";
  lkl_mount_fs(debugfs);
  // An older tree has no runner: then each suite is run while a kernel boots.
  if (lkl_sys_access(kRunFile, LKL_F_OK) != 0)
    for (KunitSuite& suite : suites_) suite.while_boot = true;
}

int KunitKernel::run(const KunitSuite& suite, const KunitFilter& filter, bool skip_slow,
                     int output) {
  std::string words = suite.name;
  if (!filter.test.empty()) words += "." + filter.test;
  log_to(output);
  if (suite.while_boot) return run_while_boot(words, skip_slow);
  if (skip_slow) words += fmt::format("\n{}", kSlowFilter);
  const int fd = static_cast<int>(lkl_sys_open(kRunFile, LKL_O_WRONLY, 0));
  return fd >= 0 && lkl_sys_write(fd, words.data(), words.size()) > 0 ? 0 : 1;
}

int KunitKernel::run_while_boot(const std::string& filter, bool skip_slow) {
  const int output = log_to(-1);
  // the farewell of this one is no result
  kernel_.halt();
  log_to(output);
  std::string words = fmt::format("kunit.enable=1 kunit.filter_glob=\"{}\"", filter);
  if (skip_slow) words += fmt::format(" kunit.filter={} kunit.filter_action=skip", kSlowFilter);
  kernel_ = boot_for_tests(memory_, words);
  return 0;
}

}  // namespace lkl::tool
