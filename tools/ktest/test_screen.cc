// SPDX-License-Identifier: GPL-2.0
#include "ktest/test_screen.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/terminal.h"

namespace lkl::tool {

namespace {

std::string summary(const SuiteRun& run, const TestCounts& counts) {
  std::string text = fmt::format("{:>4} tests", counts.total());
  if (counts.failed != 0) text += fmt::format(", {} failed", counts.failed);
  if (counts.skipped != 0) text += fmt::format(", {} skipped", counts.skipped);
  text += fmt::format(", {:.2f} s", run.seconds);
  if (!run.result.reason.empty()) text += fmt::format(" ({})", printable(run.result.reason, true));
  return text;
}

}  // namespace

TestScreen::TestScreen(FILE* out, bool quiet, bool verbose, std::size_t total)
    : total_(total),
      out_(out),
      quiet_(quiet),
      verbose_(verbose),
      terminal_(!quiet && isatty(STDERR_FILENO) != 0) {}

void TestScreen::show(const SuiteRun& run) {
  ended_++;
  clear();
  const bool good = is_good(run.result.verdict);
  if (!good || !quiet_) {
    TestCounts counts;
    counts.add(run.result);
    fmt::print(out_, "{:<9} {:<40} {}\n", good ? verdict_name(run.result.verdict) : "FAILED",
               run.result.name, summary(run, counts));
  }
  if (!good) show_failures(run.result, "");
  if (good && verbose_) show_tests(run.result, 1);
  fflush(out_);
  draw();
}

void TestScreen::show_sum(const std::vector<SuiteRun>& runs, double seconds) {
  clear();
  TestCounts counts;
  for (const SuiteRun& run : runs) counts.add(run.result);
  const auto failed = std::count_if(
      runs.begin(), runs.end(), [](const SuiteRun& run) { return !is_good(run.result.verdict); });
  fmt::print(out_, "{} suites ({} failed), {} tests: {} passed, {} failed, {} skipped, {:.1f} s\n",
             runs.size(), failed, counts.total(), counts.passed, counts.failed, counts.skipped,
             seconds);
}

void TestScreen::show_log(const std::string& log) {
  std::size_t at = 0;
  while (at < log.size()) {
    const std::size_t end = std::min(log.find('\n', at), log.size());
    fmt::print(out_, "      | {}\n", printable(log.substr(at, end - at), true));
    at = end + 1;
  }
}

void TestScreen::show_failures(const TestResult& result, const std::string& path) {
  bool explained = false;
  for (const TestResult& child : result.children) {
    if (is_good(child.verdict)) continue;
    explained = true;
    show_failures(child, path.empty() ? child.name : path + "/" + child.name);
  }
  if (explained) return;
  if (!path.empty())
    fmt::print(out_, "    {}: {}{}\n", verdict_name(result.verdict), printable(path, true),
               result.reason.empty() ? "" : " (" + printable(result.reason, true) + ")");
  show_log(result.log);
}

void TestScreen::show_tests(const TestResult& result, unsigned depth) {
  for (const TestResult& child : result.children) {
    fmt::print(out_, "{:{}}{} {}\n", "", 4 * depth, verdict_name(child.verdict),
               printable(child.name, true));
    show_tests(child, depth + 1);
  }
}

void TestScreen::draw() {
  if (!terminal_ || ended_ == total_) return;
  write_to_terminal(fmt::format("\r\x1b[K[{}/{}]", ended_, total_));
  drawn_ = true;
}

void TestScreen::clear() {
  if (!std::exchange(drawn_, false)) return;
  write_to_terminal("\r\x1b[K");
}

}  // namespace lkl::tool
