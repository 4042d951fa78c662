// SPDX-License-Identifier: GPL-2.0
#include "ktest/boot_verdict.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <regex>

#include "ktest/kernel_log.h"

namespace lkl::tool {

namespace {

using Match = std::match_results<std::string_view::const_iterator>;

bool find(std::string_view line, const std::regex& words) {
  return std::regex_search(line.begin(), line.end(), words);
}

// What the kernel says of itself when something is wrong, whoever made it happen.
bool is_complaint(std::string_view line) {
  static const std::regex words(
      "^(WARNING: |BUG: |Oops|general protection|Kernel panic|UBSAN: |KASAN: |ODEBUG: .* object)"
      "|possible (circular|recursive|irq lock inversion|unsafe|deadlock)"
      "|INFO: (task|rcu_|trying to register|possible)"
      "|(suspicious|invalid) (RCU|wait context)|DEBUG_LOCKS_WARN_ON|blocked for more than");
  return find(line, words);
}

// "0 failed", "failed: 0", "no failures" are none.
bool says_failed(std::string_view line) {
  // test-ww_mutex.c says so as well when its time is up while it backs off, as it should
  if (line.find("stress (stress_inorder_work) failed with -35") != std::string_view::npos)
    return false;
  static const std::regex none(
      "\\b(0|no|without) (self[- ]?tests? |tests? )?(are )?fail|"
      "\\bfail\\w*:? *(= *)?0\\b",
      std::regex::icase);
  static const std::regex some("\\b(fail|failed|fails|failure|failures|fail!)\\b|\\bnot ok\\b",
                               std::regex::icase);
  static const std::regex of("\\b(\\d+) of (\\d+) tests passed");
  Match match;
  if (std::regex_search(line.begin(), line.end(), match, of)) return match[1] != match[2];
  return find(line, some) && !find(line, none);
}

bool says_passed(std::string_view line) {
  static const std::regex words("\\b(pass|passed|passes|success|successful|succeeded|completed)\\b",
                                std::regex::icase);
  return find(line, words) && !says_failed(line);
}

std::string trimmed(std::string_view line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  return std::string(line.substr(begin));
}

// The result of an initcall, which the test's process has added to the log.
std::optional<int> returned(std::string_view log) {
  const std::size_t at = log.rfind(kResultLine);
  if (at == std::string_view::npos) return std::nullopt;
  const char* text = log.data() + at + kResultLine.size();
  int value = 0;
  if (std::from_chars(text, log.data() + log.size(), value).ec != std::errc()) return std::nullopt;
  return value;
}

struct Words {
  std::string complaint, failed, passed;  // the first, the first, the last line of each kind
  bool silent = true;
  bool ends_well = false;  // the last line is one of success
};

Words words_of(std::string_view log) {
  Words words;
  bool expected = false;
  for (const std::string_view line : lines_of(log)) {
    // "vvv Ignore ... warnings", "^^^ ... warnings over": a test makes them on purpose
    if (line.find("vvv Ignore ") != std::string_view::npos) expected = true;
    if (line.find("^^^ ") != std::string_view::npos) expected = false;
    if (expected || line.starts_with("lkl: ") ||
        line.find_first_not_of(" \t") == std::string_view::npos)
      continue;
    words.silent = false;
    if (words.complaint.empty() && is_complaint(line)) words.complaint = trimmed(line);
    if (words.failed.empty() && says_failed(line)) words.failed = trimmed(line);
    words.ends_well = says_passed(line);
    if (words.ends_well) words.passed = trimmed(line);
  }
  return words;
}

TestResult result(const std::string& name, std::string_view log, Verdict verdict,
                  std::string reason) {
  TestResult out;
  out.name = name;
  out.verdict = verdict;
  out.reason = std::move(reason);
  out.log = log;
  return out;
}

// Set if the process did not come to its end.
std::optional<TestResult> judge_end(const std::string& name, std::string_view log,
                                    const ProcessEnd& end) {
  if (end.exit_status == 0 && end.signal == 0 && !end.timed_out) return std::nullopt;
  return result(name, log, end.timed_out ? Verdict::kTimedOut : Verdict::kCrashed,
                how_it_ended(end));
}

// The lines of the self tests of lockdep are a table of their own, with one verdict at its end.
struct LockingTests {
  std::string verdict;
  std::string rest;  // the log without them
};

LockingTests take_locking_tests(std::string_view log) {
  LockingTests out;
  bool inside = false;
  for (const std::string_view line : lines_of(log)) {
    if (line.find("| Locking API testsuite:") != std::string_view::npos) inside = true;
    if (!inside) {
      out.rest.append(line).append("\n");
      continue;
    }
    static const std::regex end("testcases|unexpected failures|expected failures");
    if (line.find("Locking API testsuite:") == std::string_view::npos && find(line, end)) {
      out.verdict = trimmed(line);
      inside = false;
    }
  }
  if (inside) out.verdict = "no end of it";
  return out;
}

}  // namespace

TestResult judge_module(const std::string& name, std::string_view log, const ProcessEnd& end) {
  if (auto ended = judge_end(name, log, end)) return *ended;
  const Words words = words_of(log);
  const auto value = returned(log);
  if (!words.complaint.empty()) return result(name, log, Verdict::kFailed, words.complaint);
  if (!words.failed.empty()) return result(name, log, Verdict::kFailed, words.failed);
  if (!value) return result(name, log, Verdict::kFailed, "it has no result");
  // EAGAIN: done, and as a module it wants to be unloaded. Some that say nothing when all is well,
  // or last of all that it is, end in EINVAL for the same purpose (test-kstrtox.c, test_ida.c).
  if (*value < 0 && *value != -EAGAIN && !words.silent && !words.ends_well)
    return result(name, log, Verdict::kFailed,
                  fmt::format("its initcall failed: {}", strerror(-*value)));
  return result(name, log, Verdict::kPassed, words.passed.empty() ? "no complaint" : words.passed);
}

TestResult judge_torture(const std::string& name, std::string_view log, const ProcessEnd& end) {
  if (auto ended = judge_end(name, log, end)) return *ended;
  std::string verdict;
  for (const std::string_view line : lines_of(log)) {
    if (is_complaint(line)) return result(name, log, Verdict::kFailed, trimmed(line));
    const std::size_t at = line.find("End of test: ");
    if (at != std::string_view::npos) verdict = line.substr(at);
  }
  if (verdict.empty()) return result(name, log, Verdict::kFailed, "it does not say how it ended");
  const bool well = verdict.starts_with("End of test: SUCCESS");
  return result(name, log, well ? Verdict::kPassed : Verdict::kFailed,
                verdict.substr(0, verdict.find(':', sizeof("End of test:"))));
}

TestResult judge_boot(const std::string& name, std::string_view log, const ProcessEnd& end) {
  if (auto ended = judge_end(name, log, end)) return *ended;
  const LockingTests locking = take_locking_tests(log);
  TestResult boot = result(name, log, Verdict::kPassed, "");
  if (!locking.verdict.empty()) {
    const bool good = locking.verdict.starts_with("Good, all");
    boot.children.push_back(result("locking API", good ? std::string_view() : log,
                                   good ? Verdict::kPassed : Verdict::kFailed, locking.verdict));
  }
  std::string complaint;
  static const std::regex self_test("self[- _]?tests?|: (PASSED|FAILED)$|^Testing .*: ",
                                    std::regex::icase);
  for (const std::string_view line : lines_of(locking.rest)) {
    if (complaint.empty() && is_complaint(line)) complaint = trimmed(line);
    if (!find(line, self_test) || !(says_passed(line) || says_failed(line))) continue;
    boot.children.push_back(
        result(std::string(line.substr(0, line.find(':'))), std::string(line) + "\n",
               says_failed(line) ? Verdict::kFailed : Verdict::kPassed, trimmed(line)));
  }
  boot.children.push_back(result("no complaint", complaint.empty() ? "" : locking.rest,
                                 complaint.empty() ? Verdict::kPassed : Verdict::kFailed,
                                 complaint));
  boot.verdict = worst_of(boot.children);
  return boot;
}

TestResult judge_algorithms(const std::string& name, std::string_view log, const ProcessEnd& end) {
  if (auto ended = judge_end(name, log, end)) return *ended;
  const std::size_t at = log.find(kAlgorithmsLine);
  if (at == std::string_view::npos)
    return result(name, log, Verdict::kFailed, "there is no /proc/crypto");
  const std::string_view before = log.substr(0, at);
  TestResult all = result(name, log, Verdict::kPassed, "");
  // "alg: self-tests for X using DRIVER failed", "alg: hash: DRIVER ...", "alg: No test for X
  // (DRIVER)"
  const auto said_of = [&](std::string_view driver) {
    std::string lines;
    for (const std::string_view line : lines_of(before))
      if (line.starts_with("alg: ") && line.find(driver) != std::string_view::npos)
        lines.append(line).append("\n");
    return lines;
  };
  std::string driver;
  for (const std::string_view line : lines_of(log.substr(at))) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view value = line.substr(colon + 2);
    if (line.starts_with("driver ")) driver = value;
    if (!line.starts_with("selftest ")) continue;
    const std::string said = said_of(driver);
    if (value != "passed")
      all.children.push_back(
          result(driver, said, Verdict::kFailed, "selftest: " + std::string(value)));
    else if (said.find("alg: No test for ") != std::string::npos)
      all.children.push_back(result(driver, said, Verdict::kSkipped, "there is no test for it"));
    else
      all.children.push_back(result(driver, said, Verdict::kPassed, ""));
  }
  // One that failed may have been taken out of the list again.
  std::string trouble;
  const LockingTests locking = take_locking_tests(before);
  for (const std::string_view line : lines_of(locking.rest)) {
    const bool ours = line.starts_with("alg: ") || line.starts_with("tcrypt: ");
    if (trouble.empty() && (is_complaint(line) || (ours && says_failed(line))))
      trouble = trimmed(line);
  }
  all.children.push_back(result("no complaint", trouble.empty() ? std::string_view() : before,
                                trouble.empty() ? Verdict::kPassed : Verdict::kFailed, trouble));
  all.verdict = worst_of(all.children);
  return all;
}

}  // namespace lkl::tool
