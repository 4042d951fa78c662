// SPDX-License-Identifier: GPL-2.0
// valgrind's memcheck on kernel code, which tells it what the allocators hand out.
#include <gtest/gtest.h>

#include "checkers/kernel_report.h"
#include "support/host_tools.h"

namespace {

TEST(Valgrind, FindsTheUseOfUninitialisedMemory) {
  std::string out;
  // --error-exitcode of the command
  EXPECT_EQ(lkl_test::run(LKL_MEMCHECK " " LKL_PROGRAM " uninitialised", &out), 99) << out;
  const size_t what = out.find("Conditional jump or move depends on uninitialised value");
  ASSERT_NE(what, std::string::npos) << out;
  const std::string line = lkl_test::planted_line("nobody has written it");
  EXPECT_NE(out.find("planted_uninitialised (" + line + ")", what), std::string::npos) << out;
}

TEST(Valgrind, FindsNothingElse) {
  std::string out;
  EXPECT_EQ(lkl_test::run(LKL_MEMCHECK " " LKL_PROGRAM, &out), 0);
  EXPECT_EQ(out, "");
}

TEST(Valgrind, KnowsThatAPageMayBeWrittenAtAnotherAddress) {
  std::string out;
  EXPECT_EQ(lkl_test::run(LKL_MEMCHECK " " LKL_PROGRAM " none", &out), 0);
  EXPECT_EQ(out, "");
}

}  // namespace
