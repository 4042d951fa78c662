// SPDX-License-Identifier: GPL-2.0
// A bug of each kind (arch/lkl/kernel/planted.c) is found by the checker that is there for
// it, which says in what function and line.
#include <gtest/gtest.h>
#include <lkl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <string>

#include "checkers/kernel_report.h"
#include "support/kernel_test.h"

using lkl_test::has_checker;
using lkl_test::kernel_log;
using lkl_test::planted_line;
using lkl_test::read_kernel_file;
using lkl_test::source_of;
using lkl_test::write_kernel_file;

namespace {

constexpr char kBugFile[] = "/debugfs/lkl/bug";

// Bytes of KASAN's shadow that are there; it is one mapping of the host.
size_t resident_shadow() {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool in_shadow = false;
  while (std::getline(maps, line)) {
    if (line.starts_with("200000000000-")) in_shadow = true;
    if (in_shadow && line.starts_with("Rss:")) return std::stoull(line.substr(4)) << 10;
  }
  ADD_FAILURE() << "KASAN has no shadow";
  return 0;
}

#define NEEDS_CHECKER(name) \
  if (!has_checker(name)) GTEST_SKIP() << "this kernel is built without " << (name)

class PlantedTest : public ::testing::Test {
 protected:
  void SetUp() override { boot(); }
  void TearDown() override {
    lkl_cleanup();
    kernel_log().clear();  // each report was asked for, and looked at
  }

  void boot(const char* more_words = "") {
    kernel_log().clear();
    ops_.print = lkl_test::keep_log;
    ASSERT_EQ(lkl_init(&ops_), 0);
    ASSERT_EQ(lkl_start_kernel("mem=128M loglevel=8 %s", more_words), 0) << kernel_log();
    char debugfs[] = "debugfs";
    ASSERT_EQ(lkl_mount_fs(debugfs), 0);
  }

  // The log that the bug has made.
  std::string log_of(const std::string& bug) {
    kernel_log().clear();
    EXPECT_EQ(write_kernel_file(kBugFile, bug), 0) << bug;
    return kernel_log();
  }

  // The report says what, and its backtrace leads to the line of planted.c that has `text`.
  void expect_report(const std::string& bug, const std::string& what, const std::string& function,
                     const std::string& text) {
    const std::string log = log_of(bug);
    EXPECT_NE(log.find(what), std::string::npos) << log;
    EXPECT_EQ(source_of(log, what, function), planted_line(text)) << log;
  }

  lkl_host_operations ops_ = {};
};

TEST_F(PlantedTest, SlabOutOfBounds) {
  NEEDS_CHECKER("kasan");
  expect_report("slab-out-of-bounds",
                "BUG: KASAN: slab-out-of-bounds in planted_slab_out_of_bounds+",
                "planted_slab_out_of_bounds", "object[size]");
}

TEST_F(PlantedTest, UseAfterFree) {
  NEEDS_CHECKER("kasan");
  expect_report("use-after-free", "BUG: KASAN: slab-use-after-free in planted_use_after_free+",
                "planted_use_after_free", "gone[8]");
  // who has allocated and freed it
  EXPECT_NE(kernel_log().find("Allocated by task"), std::string::npos);
  EXPECT_NE(kernel_log().find("Freed by task"), std::string::npos);
}

TEST_F(PlantedTest, StackOutOfBounds) {
  NEEDS_CHECKER("kasan");
  expect_report("stack-out-of-bounds",
                "BUG: KASAN: stack-out-of-bounds in planted_stack_out_of_bounds+",
                "planted_stack_out_of_bounds", "beyond[sizeof(local)]");
}

TEST_F(PlantedTest, GlobalOutOfBounds) {
  NEEDS_CHECKER("kasan");
  expect_report("global-out-of-bounds",
                "BUG: KASAN: global-out-of-bounds in planted_global_out_of_bounds+",
                "planted_global_out_of_bounds", "beyond[sizeof(planted_global)]");
}

TEST_F(PlantedTest, VmallocOutOfBounds) {
  NEEDS_CHECKER("kasan");
  expect_report("vmalloc-out-of-bounds",
                "BUG: KASAN: vmalloc-out-of-bounds in planted_vmalloc_out_of_bounds+",
                "planted_vmalloc_out_of_bounds", "area[size]");
}

// Addresses that were given back, and are given again, are as those that nobody has had before;
// between them their shadow is the host's.
TEST_F(PlantedTest, VmallocComesAndGoes) {
  NEEDS_CHECKER("kasan");
  constexpr int kTimes = 100;
  // what is freed is taken back when it is 32 MiB of addresses: an eighth of that is shadow
  constexpr size_t kLeast = size_t{2} << 20;
  lkl_cleanup();
  boot("kasan_multi_shot");
  size_t before = resident_shadow(), most_given_back = 0;
  for (int i = 0; i < kTimes; ++i) {
    const std::string log = log_of("vmalloc-out-of-bounds");
    const size_t report = log.find("BUG: KASAN: vmalloc-out-of-bounds in planted_vmalloc_out");
    ASSERT_NE(report, std::string::npos) << i << "\n" << log;
    ASSERT_EQ(log.find("BUG: KASAN", report + 1), std::string::npos) << i << "\n" << log;
    // to who takes it back
    __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 1'000'000};
    ASSERT_EQ(lkl_sys_nanosleep(&moment, nullptr), 0);
    const size_t now = resident_shadow();
    if (now < before) most_given_back = std::max(most_given_back, before - now);
    before = now;
  }
  EXPECT_GE(most_given_back, kLeast);
}

// The next kernel of this process has the shadow as at the start: what was poisoned when the
// first one ended is not, and what is to be is.
TEST_F(PlantedTest, KasanInTheNextBoot) {
  NEEDS_CHECKER("kasan");
  for (const char* bug : {"use-after-free", "vmalloc-out-of-bounds", "use-after-free"}) {
    EXPECT_NE(log_of(bug).find("BUG: KASAN"), std::string::npos) << bug;
    lkl_cleanup();
    boot();
    EXPECT_EQ(kernel_log().find("KASAN"), std::string::npos) << kernel_log();
  }
  EXPECT_NE(log_of("global-out-of-bounds").find("BUG: KASAN"), std::string::npos);
}

TEST_F(PlantedTest, KasanInAFork) {
  NEEDS_CHECKER("kasan");
  const pid_t child = fork();
  if (child == 0) {
    const bool found = log_of("use-after-free")
                           .find(
                               "BUG: KASAN: slab-use-after-free in "
                               "planted_use_after_free") != std::string::npos;
    _exit(found ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_NE(log_of("slab-out-of-bounds").find("BUG: KASAN: slab-out-of-bounds"), std::string::npos);
}

TEST_F(PlantedTest, VmallocInAFork) {
  NEEDS_CHECKER("kasan");
  const auto is_found = [this] {
    return log_of("vmalloc-out-of-bounds").find("BUG: KASAN: vmalloc-out-of-bounds") !=
           std::string::npos;
  };
  const pid_t child = fork();
  if (child == 0) _exit(is_found() ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(is_found()) << kernel_log();
}

TEST_F(PlantedTest, Shift) {
  NEEDS_CHECKER("ubsan");
  const std::string log = log_of("shift");
  EXPECT_TRUE(
      std::regex_search(log, std::regex("UBSAN: shift-out-of-bounds in .*/arch/lkl/kernel/" +
                                        planted_line("value <<= bits") + ":")))
      << log;
}

TEST_F(PlantedTest, ArrayIndex) {
  NEEDS_CHECKER("ubsan");
  const std::string log = log_of("array-index");
  EXPECT_TRUE(
      std::regex_search(log, std::regex("UBSAN: array-index-out-of-bounds in .*/arch/lkl/kernel/" +
                                        planted_line("pair.numbers[index]") + ":")))
      << log;
}

TEST_F(PlantedTest, Leak) {
  NEEDS_CHECKER("kmemleak");
  ASSERT_EQ(write_kernel_file(kBugFile, "leak"), 0);
  const std::string leaks = lkl_test::find_leaks();
  EXPECT_NE(leaks.find("unreferenced object"), std::string::npos) << leaks << kernel_log();
  EXPECT_EQ(source_of(leaks, "unreferenced object", "planted_leak"), planted_line("'l', 200"))
      << leaks;
}

TEST_F(PlantedTest, VmallocLeak) {
  NEEDS_CHECKER("kmemleak");
  ASSERT_EQ(write_kernel_file(kBugFile, "vmalloc-leak"), 0);
  const std::string leaks = lkl_test::find_leaks();
  EXPECT_EQ(source_of(leaks, "unreferenced object", "planted_vmalloc_leak"),
            planted_line("'v', 6000"))
      << leaks << kernel_log();
}

TEST_F(PlantedTest, LockInversion) {
  NEEDS_CHECKER("lockdep");
  expect_report("lock-inversion", "possible circular locking dependency detected",
                "planted_lock_inversion", "/* the wrong way round */");
}

TEST_F(PlantedTest, SleepInAtomic) {
  NEEDS_CHECKER("lockdep");
  expect_report("sleep-in-atomic",
                "BUG: sleeping function called from invalid context at arch/lkl/kernel/" +
                    planted_line("might_sleep()"),
                "planted_sleep_in_atomic", "might_sleep()");
}

TEST_F(PlantedTest, Rcu) {
  NEEDS_CHECKER("lockdep");
  expect_report(
      "rcu", planted_line("rcu_dereference(planted") + " suspicious rcu_dereference_check() usage",
      "planted_rcu", "rcu_dereference(planted");
}

TEST_F(PlantedTest, FreeActiveTimer) {
  NEEDS_CHECKER("lockdep");
  expect_report("free-active-timer", "ODEBUG: free active", "planted_free_active_timer",
                "kfree(timer)");
  EXPECT_NE(kernel_log().find("planted_timer_function"), std::string::npos) << kernel_log();
}

TEST_F(PlantedTest, TheFileListsThem) {
  EXPECT_NE(read_kernel_file(kBugFile).find("use-after-free\n"), std::string::npos);
  EXPECT_EQ(write_kernel_file(kBugFile, "no-such-bug"), -LKL_ENOENT);
}

}  // namespace
