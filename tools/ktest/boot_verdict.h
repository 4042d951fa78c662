// SPDX-License-Identifier: GPL-2.0
//
// What the log of a test that is no KUnit suite means. Each kind has words of its own.
#ifndef LKL_TOOL_BOOT_VERDICT_H
#define LKL_TOOL_BOOT_VERDICT_H

#include <string>
#include <string_view>

#include "ktest/ktap.h"
#include "ktest/test_report.h"

namespace lkl::tool {

// Ends the log of a test that is an initcall: with its result, a negative errno or 0.
inline constexpr std::string_view kResultLine = "lkl: the test returned ";
// What follows in the log is /proc/crypto.
inline constexpr std::string_view kAlgorithmsLine = "lkl: /proc/crypto";

// An initcall of lib/test_*.c and the like. A complaint of the kernel (BUG, WARNING, a report of
// lockdep), a word of failure or an error is a failure; without any it has passed.
TestResult judge_module(const std::string& name, std::string_view log, const ProcessEnd& end);

// rcutorture and its kin, which say how they ended, and have failed if they do not.
TestResult judge_torture(const std::string& name, std::string_view log, const ProcessEnd& end);

// A boot: what tests itself in it (locking API, ODEBUG, prandom ...) and whether there was a
// complaint.
TestResult judge_boot(const std::string& name, std::string_view log, const ProcessEnd& end);

// The algorithms of /proc/crypto, each of which is tested when it is registered.
TestResult judge_algorithms(const std::string& name, std::string_view log, const ProcessEnd& end);

}  // namespace lkl::tool

#endif  // LKL_TOOL_BOOT_VERDICT_H
