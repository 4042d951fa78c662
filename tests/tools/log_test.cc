// SPDX-License-Identifier: GPL-2.0
//
// A test in which the kernel of some command complains fails.
#include "tool_test.h"

namespace lkl::tool_test {
namespace {

// What the kernels of all commands say is looked at when a test ends.
class LogTest : public ToolTest {};

TEST_F(LogTest, DISABLED_Planted) {
  make_ext4("e.img", "16M");
  lkl_ok({"ls", "e.img"});
  EXPECT_NE(shell("cat " + kernel_log()).find("Linux version"), std::string::npos);
  shell("echo '[    1.000000] WARNING: CPU: 0 PID: 1 at planted.c:1' >> " + kernel_log());
}

TEST_F(LogTest, DISABLED_PlantedAndExpected) {
  expect_complaint("planted.c");
  shell("echo '[    1.000000] WARNING: CPU: 0 PID: 1 at planted.c:1' >> " + kernel_log());
}

TEST_F(LogTest, AWarningFailsTheTest) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto try_it = [&](const std::string& name) {
    return run(
        {self, "--gtest_also_run_disabled_tests", "--gtest_filter=LogTest.DISABLED_" + name});
  };
  const Result planted = try_it("Planted");
  EXPECT_EQ(planted.status, 1) << planted.out;
  EXPECT_NE(planted.out.find("the kernel complained: [    1.000000] WARNING: CPU"),
            std::string::npos)
      << planted.out;
  EXPECT_EQ(try_it("PlantedAndExpected").status, 0);
}

}  // namespace
}  // namespace lkl::tool_test
