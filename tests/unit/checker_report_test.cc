// SPDX-License-Identifier: GPL-2.0
// Tests that pass while a checker of the kernel reports something.
#include "ktest/checker_report.h"

#include <gtest/gtest.h>

#include "ktest/test_report.h"

using namespace lkl::tool;

namespace {

constexpr char kLog[] = R"(KTAP version 1
1..1
    KTAP version 1
    # Subtest: planted
    1..2
==================================================================
BUG: KASAN: slab-use-after-free in planted_use_after_free+0x5c/0x60
Read of size 1 at addr 00007f1c by task kunit_try_catch/12
    ok 1 use_after_free
    ok 2 nothing
# planted: pass:2 fail:0 skip:0 total:2
ok 1 planted
)";

TEST(CheckerReport, TheTestItBelongsToHasFailed) {
  const TestResult suite = judge_suite("planted", {"use_after_free", "nothing"}, kLog, {});
  EXPECT_EQ(suite.verdict, Verdict::kFailed);
  ASSERT_EQ(suite.children.size(), 2u);
  EXPECT_EQ(suite.children[0].verdict, Verdict::kFailed);
  EXPECT_EQ(suite.children[0].reason,
            "BUG: KASAN: slab-use-after-free in planted_use_after_free+0x5c/0x60");
  EXPECT_EQ(suite.children[1].verdict, Verdict::kPassed);
  // what the kernel says of it is not what is written for others to read
  EXPECT_TRUE(suite.reported);
}

TEST(CheckerReport, NotInASuiteAboutTheChecker) {
  std::string log = kLog;
  for (std::size_t at; (at = log.find("planted")) != std::string::npos;)
    log.replace(at, 7, "kasan");
  const TestResult suite = judge_suite("kasan", {}, log, {});
  EXPECT_EQ(suite.verdict, Verdict::kPassed);
  EXPECT_FALSE(suite.reported);
}

TEST(CheckerReport, WhatIsOne) {
  EXPECT_EQ(find_checker_report("[    1.000000] UBSAN: shift-out-of-bounds in a.c:1:2\n"),
            "UBSAN: shift-out-of-bounds in a.c:1:2");
  EXPECT_EQ(find_checker_report("all\nWARNING: suspicious RCU usage\nmore"),
            "WARNING: suspicious RCU usage");
  EXPECT_EQ(find_checker_report("kmemleak: 3 new suspected memory leaks (see kmemleak)"),
            "kmemleak: 3 new suspected memory leaks (see kmemleak)");
  for (const char* none :
       {"", "\n", "WARNING: CPU: 0 PID: 1 at lib/test.c:1", "BUG: unable to handle access",
        "kmemleak: Kernel memory leak detector initialized (mem pool available: 15)",
        "kmemleak: Automatic memory scanning thread started"})
    EXPECT_EQ(find_checker_report(none), "") << none;
}

}  // namespace
