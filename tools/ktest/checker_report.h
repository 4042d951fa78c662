// SPDX-License-Identifier: GPL-2.0
//
// What the kernel's checkers (KASAN, lockdep, ...) have to say while a test runs that itself
// passes.
#ifndef LKL_TOOL_CHECKER_REPORT_H
#define LKL_TOOL_CHECKER_REPORT_H

#include <string>
#include <string_view>

#include "ktest/ktap.h"

namespace lkl::tool {

// The first line in a log that is the beginning of a checker's report, without its time stamp;
// empty if there is none.
std::string find_checker_report(std::string_view log);

// Tests during which a checker has found something have failed, whatever they say themselves, and
// so has their suite. True if there is one. Suites whose tests are about the checkers are left
// alone.
bool fail_by_checker_reports(TestResult& suite);

}  // namespace lkl::tool

#endif  // LKL_TOOL_CHECKER_REPORT_H
