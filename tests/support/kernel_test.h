// SPDX-License-Identifier: GPL-2.0
// Each test boots a kernel of its own and leaves none behind.
#pragma once

#include <gtest/gtest.h>
#include <lkl.h>

#include <string>
#include <utility>

namespace lkl_test {

// Collects the kernel's log instead of printing it, for who wants to look at it.
std::string& kernel_log();
void keep_log(const char* text, int length);
// The line by which the kernel has complained there: WARN(), BUG(), its checkers (lockdep, RCU,
// KASAN
// ...). "" if it has not, or was expected to. Looked for at the end of each test, which fails then,
// and of each child that in_child() makes.
std::string complaint_in_log();
// This test makes the kernel complain, in a line with these words.
void expect_complaint(const std::string& words);

// Reads a file of the kernel's, to its end. Empty if there is none.
std::string read_kernel_file(const char* path);
// Writes to one: 0 or -errno.
long write_kernel_file(const char* path, const std::string& text);

// Linux 6.12.3 is (6, 12).
std::pair<int, int> kernel_version();

// Of what a kernel with lockdep keeps much is twice as large.
#ifdef LKL_TEST_LOCKDEP
inline constexpr bool kLockdep = true;
#else
inline constexpr bool kLockdep = false;
#endif

// Not every profile has a network.
inline bool kernel_has(int family) {
  const long fd = lkl_sys_socket(family, LKL_SOCK_DGRAM, 0);
  if (fd >= 0) lkl_sys_close(static_cast<int>(fd));
  return fd != -LKL_EAFNOSUPPORT;
}
inline bool kernel_has_ip() {
  return kernel_has(LKL_AF_INET) && kernel_has(LKL_AF_INET6);
}

class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kernel_log().clear();
    ops_.print = keep_log;
    ASSERT_EQ(lkl_init(&ops_), 0);
    ASSERT_EQ(lkl_start_kernel("mem=128M loglevel=8 %s", more_words()), 0) << kernel_log();
  }
  // What else the kernel is to be told at its command line.
  virtual const char* more_words() const { return ""; }

  void TearDown() override {
    if (lkl_is_running()) {
      EXPECT_EQ(lkl_sys_halt(), 0);
    }
    lkl_cleanup();
  }

  lkl_host_operations ops_ = {};
};

}  // namespace lkl_test
