// SPDX-License-Identifier: GPL-2.0
#include "ktest/checker_report.h"

#include <algorithm>
#include <array>

namespace lkl::tool {

namespace {

// How reports begin. Not "WARNING:" and "BUG:" as such: there are suites that provoke them.
constexpr std::array<std::string_view, 13> kBeginnings = {
    "BUG: KASAN: ",
    "BUG: KCSAN: ",
    "UBSAN: ",
    "BUG: sleeping function called from invalid context",
    "BUG: scheduling while atomic",
    "WARNING: possible circular locking dependency detected",
    "WARNING: possible recursive locking detected",
    "WARNING: possible irq lock inversion dependency detected",
    "WARNING: inconsistent lock state",
    "WARNING: bad unlock balance detected",
    "WARNING: suspicious RCU usage",
    "ODEBUG: ",
    "kmemleak: ",
};

// The two messages of kmemleak that are not about leaks.
constexpr std::array<std::string_view, 2> kNoReports = {
    "kmemleak: Kernel memory leak detector initialized",
    "kmemleak: Automatic memory scanning thread started",
};

// Suites that make errors for a checker to find, and look whether it has.
constexpr std::array<std::string_view, 1> kAboutCheckers = {"kasan"};

bool fail(TestResult& result) {
  bool any = false;
  for (TestResult& child : result.children) any = fail(child) || any;
  if (const std::string report = find_checker_report(result.log); !report.empty()) {
    if (is_good(result.verdict)) result.reason = report;
    any = true;
  }
  if (any && is_good(result.verdict)) result.verdict = Verdict::kFailed;
  return any;
}

}  // namespace

std::string find_checker_report(std::string_view log) {
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size());
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(std::min(end + 1, log.size()));
    const auto in_line = [&](std::string_view text) {
      return line.find(text) != std::string_view::npos;
    };
    if (std::any_of(kNoReports.begin(), kNoReports.end(), in_line)) continue;
    for (const std::string_view beginning : kBeginnings)
      if (const std::size_t at = line.find(beginning); at != std::string_view::npos)
        return std::string(line.substr(at));
  }
  return {};
}

bool fail_by_checker_reports(TestResult& suite) {
  if (std::find(kAboutCheckers.begin(), kAboutCheckers.end(), suite.name) != kAboutCheckers.end())
    return false;
  return fail(suite);
}

}  // namespace lkl::tool
