// SPDX-License-Identifier: GPL-2.0
//
// What is seen while tests run: a line for each suite that has ended, and how far it is.
#ifndef LKL_TOOL_TEST_SCREEN_H
#define LKL_TOOL_TEST_SCREEN_H

#include <stdio.h>

#include <cstddef>
#include <string>
#include <vector>

#include "ktest/test_report.h"

namespace lkl::tool {

class TestScreen {
 public:
  // `out` is where the lines go; how far it is goes to the terminal, if there is one.
  TestScreen(FILE* out, bool quiet, bool verbose, std::size_t total);
  TestScreen(const TestScreen&) = delete;
  TestScreen& operator=(const TestScreen&) = delete;
  ~TestScreen() { clear(); }

  void show(const SuiteRun& run);
  void show_sum(const std::vector<SuiteRun>& runs, double seconds);

 private:
  void show_log(const std::string& log);
  void show_failures(const TestResult& result, const std::string& path);
  void show_tests(const TestResult& result, unsigned depth);
  void draw();
  void clear();

  std::size_t total_;
  std::size_t ended_ = 0;
  FILE* out_;
  bool quiet_;
  bool verbose_;
  bool terminal_;
  bool drawn_ = false;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_TEST_SCREEN_H
