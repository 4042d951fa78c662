// SPDX-License-Identifier: GPL-2.0
//
// What came out of a run of tests, in the forms that other programs read.
#ifndef LKL_TOOL_TEST_REPORT_H
#define LKL_TOOL_TEST_REPORT_H

#include <string>
#include <vector>

#include "base/json.h"
#include "ktest/ktap.h"

namespace lkl::tool {

struct SuiteRun {
  TestResult result;
  double seconds = 0;
  std::string ktap;  // as the kernel said it; empty if it did not come to the end
};

// How the process ended in which a suite ran.
struct ProcessEnd {
  int exit_status = 0;
  int signal = 0;
  bool timed_out = false;
  double limit = 0;
};
// In words, for an end that is no good one.
std::string how_it_ended(const ProcessEnd& end);
// Of a suite of these.
Verdict worst_of(const std::vector<TestResult>& tests);
// How the process ended decides what is missing in the log. `tests`: what the suite should have
// run, if it is known: the first without a result is blamed.
TestResult judge_suite(const std::string& name, const std::vector<std::string>& tests,
                       std::string_view log, const ProcessEnd& end);

// `set`: which tests these are, "kunit" or "boot".
std::string junit_report(const std::string& set, const std::vector<SuiteRun>& runs);
Json json_report(const std::vector<SuiteRun>& runs);
// One document of them all, for the tree's own tools/testing/kunit/kunit.py parse.
std::string ktap_report(const std::vector<SuiteRun>& runs);

}  // namespace lkl::tool

#endif  // LKL_TOOL_TEST_REPORT_H
