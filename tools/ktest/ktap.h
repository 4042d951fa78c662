// SPDX-License-Identifier: GPL-2.0
//
// Reads KTAP, the format in which the kernel's tests tell their results, out of a kernel log.
#ifndef LKL_TOOL_KTAP_H
#define LKL_TOOL_KTAP_H

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lkl::tool {

enum class Verdict {
  kPassed,
  kSkipped,
  kFailed,
  kCrashed,   // the kernel died while it ran
  kTimedOut,  // it did not end in its time
};

std::string_view verdict_name(Verdict verdict);
inline bool is_good(Verdict verdict) {
  return verdict == Verdict::kPassed || verdict == Verdict::kSkipped;
}

struct TestResult {
  std::string name;
  Verdict verdict = Verdict::kPassed;
  std::string reason;       // why it was skipped, or what else is wrong with it
  std::string log;          // what the kernel said meanwhile
  bool unfinished = false;  // it had begun, and has no result of its own
  bool reported = false;    // of a suite: a checker has made failures of what the kernel calls ok
  std::vector<TestResult> children;
};

// How many there are of each kind; only those without children are counted.
struct TestCounts {
  std::size_t passed = 0, skipped = 0, failed = 0;

  void add(const TestResult& result);
  std::size_t total() const { return passed + skipped + failed; }
};

struct KtapResults {
  std::vector<TestResult> results;  // of the outermost level
  // The one that had begun and has no result, with what there is of it.
  std::optional<TestResult> unfinished;
  std::string rest;  // what came after the last result
};

// Lines that are not KTAP belong to the next result. Time stamps of the log are taken off.
KtapResults read_ktap(std::string_view log);

// The suite's part of a log that came from a kernel of its own, as the INDEX-th result of a larger
// whole.
std::string renumber_ktap(std::string_view log, std::size_t index);

// What the kernel would have said: for a suite whose kernel died in the middle of it.
std::string write_ktap(const TestResult& suite, std::size_t index);

}  // namespace lkl::tool

#endif  // LKL_TOOL_KTAP_H
