// SPDX-License-Identifier: GPL-2.0
// What the logs of tests that are no KUnit suites mean. The lines are the kernel's own.
#include "ktest/boot_verdict.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "ktest/boot_set.h"

using namespace lkl::tool;

namespace {

Verdict module_verdict(const std::string& log) {
  return judge_module("test", log, {}).verdict;
}
std::string ending(int value) {
  return std::string(kResultLine) + std::to_string(value) + "\n";
}

}  // namespace

TEST(BootVerdict, WordsOfSuccess) {
  for (const char* line :
       {"test_hexdump: all 2080 tests passed", "XArray: 148257170 of 148257170 tests passed",
        "glob: 64 self-tests passed, 0 failed", "test_min_heap: test passed",
        "crc32: self tests passed, processed 225944 bytes in 99 nsec", "Completed bitops test",
        "Started 10 threads, 0 failed, rhltable test returns 0", "test_bitmap: all 7 tests passed"})
    EXPECT_EQ(module_verdict(std::string(line) + "\n" + ending(0)), Verdict::kPassed) << line;
}

TEST(BootVerdict, WordsOfFailure) {
  for (const char* line :
       {"test_hexdump: failed 3 out of 2080 tests", "XArray: 12 of 13 tests passed",
        "glob: 63 self-tests passed, 1 failed", "test_min_heap: test failed with 2 errors",
        "crc32: 3 self tests failed", "TC failed at test_fill_set:120",
        "BUG: unable to handle kernel NULL pointer dereference",
        "WARNING: CPU: 0 PID: 1 at lib/test-kstrtox.c:100 test_kstrtou8_ok+0x0/0x1",
        "WARNING: possible circular locking dependency detected", "2 out of 154 tests failed",
        "maple_tree: 10 of 11 tests passed"})
    EXPECT_EQ(module_verdict(std::string(line) + "\n" + ending(0)), Verdict::kFailed) << line;
}

TEST(BootVerdict, WarningsOnPurpose) {
  const std::string log =
      "vvv Ignore \"not allocated\" warnings\n"
      "WARNING: CPU: 0 PID: 110 at lib/idr.c:527 ida_free+0x10c/0x160\n"
      "^^^ \"not allocated\" warnings over\n";
  const std::string end = "IDA: 75741262 of 75741262 tests passed\n" + ending(0);
  EXPECT_EQ(module_verdict(log + end), Verdict::kPassed);
  EXPECT_EQ(module_verdict(log + "WARNING: CPU: 0 PID: 110 at lib/idr.c:1\n" + end),
            Verdict::kFailed);
}

TEST(BootVerdict, TheInitcallsResult) {
  EXPECT_EQ(module_verdict(ending(0)), Verdict::kPassed);
  EXPECT_EQ(module_verdict("rbtree testing\n" + ending(-EAGAIN)), Verdict::kPassed);
  // says nothing when all is well, and wants to be unloaded
  EXPECT_EQ(module_verdict(ending(-EINVAL)), Verdict::kPassed);
  EXPECT_EQ(module_verdict("IDA: 7 of 7 tests passed\n" + ending(-EINVAL)), Verdict::kPassed);
  EXPECT_EQ(module_verdict("1 of 1 tests passed\nno more memory\n" + ending(-ENOMEM)),
            Verdict::kFailed);
  EXPECT_EQ(module_verdict("objagg: unexpected stats\n" + ending(-EINVAL)), Verdict::kFailed);
  EXPECT_EQ(module_verdict("all 3 tests passed\n"), Verdict::kFailed);
}

TEST(BootVerdict, ACrashAndAHangAreFailures) {
  ProcessEnd end;
  end.signal = SIGABRT;
  EXPECT_EQ(judge_module("t", "all 3 tests passed\n" + ending(0), end).verdict, Verdict::kCrashed);
  end.timed_out = true;
  end.limit = 7;
  const TestResult hung = judge_torture("t", "", end);
  EXPECT_EQ(hung.verdict, Verdict::kTimedOut);
  EXPECT_EQ(hung.reason, "no end within 7 s");
}

TEST(BootVerdict, Torture) {
  const char* success = "rcu-torture:--- End of test: SUCCESS: nreaders=1 nfakewriters=4\n";
  EXPECT_EQ(judge_torture("t", success, {}).verdict, Verdict::kPassed);
  EXPECT_EQ(judge_torture("t", success, {}).reason, "End of test: SUCCESS");
  EXPECT_EQ(judge_torture("t", "rcu-torture:--- End of test: FAILURE: nreaders=1\n", {}).verdict,
            Verdict::kFailed);
  EXPECT_EQ(judge_torture("t", "rcu-torture:--- Start of test: nreaders=1\n", {}).verdict,
            Verdict::kFailed);
  EXPECT_EQ(judge_torture("t", std::string("WARNING: CPU: 0 PID: 9 at kernel/rcu\n") + success, {})
                .verdict,
            Verdict::kFailed);
}

TEST(BootVerdict, TypesOfTorture) {
  const std::vector<std::string> rcu = read_torture_types(
      "rcu-torture: invalid torture type: \"?\"\nrcu-torture types: rcu rcu_busted "
      "srcu\nWARNING: CPU: 0\n");
  EXPECT_EQ(rcu, (std::vector<std::string>{"rcu", "srcu"}));
  const std::vector<std::string> lock = read_torture_types(
      "lock-torture: invalid torture type: \"?\"\nlock-torture types:\n lock_busted\n spin_lock\n "
      "mutex_lock\n\nother: words\n");
  EXPECT_EQ(lock, (std::vector<std::string>{"spin_lock", "mutex_lock"}));
  EXPECT_TRUE(read_torture_types("").empty());
}

TEST(BootVerdict, Boot) {
  const std::string log =
      "Linux version 6.12\n"
      "------------------------\n"
      "| Locking API testsuite:\n"
      "----------------------------------------------------------------------------\n"
      "                                 | spin |wlock |rlock |mutex | wsem | rsem |rtmutex\n"
      "                     A-A deadlock:  ok  |  ok  |failed|  ok  |  ok  |  ok  |  ok  |\n"
      "-------------------------------------------------------\n"
      "Good, all 358 testcases passed! |\n"
      "---------------------------------\n"
      "ODEBUG: selftest passed\n"
      "prandom: 100 self tests passed\n";
  const TestResult boot = judge_boot("boot", log, {});
  EXPECT_EQ(boot.verdict, Verdict::kPassed);
  ASSERT_EQ(boot.children.size(), 4u);
  EXPECT_EQ(boot.children[0].name, "locking API");
  EXPECT_EQ(boot.children[1].name, "ODEBUG");
  EXPECT_EQ(boot.children[2].reason, "prandom: 100 self tests passed");

  std::string bad = log;
  bad.replace(bad.find("Good, all 358 testcases passed! |"), 33,
              "BUG:   2 unexpected failures (out of 358) - debugging disabled! |");
  EXPECT_EQ(judge_boot("boot", bad, {}).children[0].verdict, Verdict::kFailed);
  EXPECT_EQ(
      judge_boot("boot", log + "BUG: sleeping function called from invalid context\n", {}).verdict,
      Verdict::kFailed);
  EXPECT_EQ(judge_boot("boot", log.substr(0, log.find("Good")), {}).verdict, Verdict::kFailed);
}

TEST(BootVerdict, Algorithms) {
  const std::string proc =
      std::string(kAlgorithmsLine) +
      "\nname         : sha256\ndriver       : sha256-generic\n"
      "selftest     : passed\n\nname         : odd\ndriver       : odd-generic\n"
      "selftest     : passed\n\n";
  const TestResult good =
      judge_algorithms("crypto", "alg: No test for odd (odd-generic)\n" + proc, {});
  EXPECT_EQ(good.verdict, Verdict::kPassed);
  // the boot before it has tests of its own, which say "failures"
  EXPECT_EQ(judge_algorithms("crypto",
                             "| Locking API testsuite:\n  ww api failures:  ok  |  ok  |  ok  |\n"
                             "Good, all 358 testcases passed! |\n" +
                                 proc,
                             {})
                .verdict,
            Verdict::kPassed);
  ASSERT_EQ(good.children.size(), 3u);
  EXPECT_EQ(good.children[0].name, "sha256-generic");
  EXPECT_EQ(good.children[1].verdict, Verdict::kSkipped);

  const TestResult bad = judge_algorithms(
      "crypto",
      "alg: hash: md5-generic test failed (wrong result) on test vector 1\n" + proc +
          "name         : md5\ndriver       : md5-generic\nselftest     : unknown\n",
      {});
  EXPECT_EQ(bad.verdict, Verdict::kFailed);
  EXPECT_EQ(bad.children[2].name, "md5-generic");
  EXPECT_EQ(bad.children[2].verdict, Verdict::kFailed);
  EXPECT_NE(bad.children[2].log.find("wrong result"), std::string::npos);
  // one that failed and is no longer in the list
  EXPECT_EQ(judge_algorithms(
                "crypto", "alg: self-tests for md5 using md5-generic failed (rc=-22)\n" + proc, {})
                .verdict,
            Verdict::kFailed);
  EXPECT_EQ(judge_algorithms("crypto", "", {}).verdict, Verdict::kFailed);
}
