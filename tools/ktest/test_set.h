// SPDX-License-Identifier: GPL-2.0
//
// A kind of tests that the kernel has, and what lkl test wants of each kind.
#ifndef LKL_TOOL_TEST_SET_H
#define LKL_TOOL_TEST_SET_H

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ktest/test_report.h"

namespace lkl::tool {

struct TestOptions {
  std::string filter;
  bool skip_slow = false;
  double timeout = 120;   // seconds that a suite may take
  double seconds = 10;    // that a test takes which runs for as long as it is told
  unsigned parallel = 1;  // suites at the same time
  std::string coverage;   // the folder where it is collected; empty: nowhere
  // of packetdrill's scripts
  std::string packetdrill;           // the user's program; empty: ours
  std::vector<std::string> scripts;  // files; empty: those of the kernel tree
  std::string family = "all";
  std::vector<std::pair<std::string, std::string>> drill;  // options by packetdrill's names
};

// Those tests of a kind that the filter chooses; a kernel is booted for them.
class TestSet {
 public:
  TestSet() = default;
  TestSet(const TestSet&) = delete;
  TestSet& operator=(const TestSet&) = delete;
  virtual ~TestSet() = default;

  // How many suites.
  virtual std::size_t size() const = 0;
  // What `lkl test list` prints.
  virtual void print_list(bool json) const = 0;
  // Runs them, each in a fork of this process and with it of the kernel; `ended` is told as they
  // end. The results are in the order of the list.
  virtual std::vector<SuiteRun> run(const std::function<void(const SuiteRun&)>& ended) = 0;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_TEST_SET_H
