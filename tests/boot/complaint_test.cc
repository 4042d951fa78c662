// SPDX-License-Identifier: GPL-2.0
// A test in which the kernel complains fails, whatever else it looks at.
#include <filesystem>

#include "support/child.h"
#include "support/complaint.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

class ComplaintTest : public KernelTest {
 protected:
  // As if the kernel had printed it.
  void plant() const {
    const std::string line = "[    1.000000] WARNING: CPU: 0 PID: 1 at planted.c:1\n";
    ops_.print(line.data(), static_cast<int>(line.size()));
  }
};

std::string run_planted(const std::string& name, int& status) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string said;
  status =
      run(self + " --gtest_also_run_disabled_tests --gtest_filter=ComplaintTest.DISABLED_" + name,
          &said);
  return said;
}

}  // namespace

TEST_F(ComplaintTest, DISABLED_Planted) {
  plant();
}

TEST_F(ComplaintTest, DISABLED_PlantedAndExpected) {
  expect_complaint("planted.c");
  plant();
}

TEST_F(ComplaintTest, DISABLED_PlantedInAChild) {
  EXPECT_EQ(in_child([this] {
              plant();
              return 0;
            }),
            0);
}

TEST(Complaint, FailsTheTest) {
  int status = 0;
  std::string said = run_planted("Planted", status);
  EXPECT_EQ(status, 1) << said;
  EXPECT_NE(said.find("the kernel complained: "), std::string::npos) << said;
  EXPECT_NE(said.find("at planted.c:1"), std::string::npos) << said;
  said = run_planted("PlantedAndExpected", status);
  EXPECT_EQ(status, 0) << said;
  said = run_planted("PlantedInAChild", status);
  EXPECT_EQ(status, 1) << said;
  EXPECT_NE(said.find("in a child: "), std::string::npos) << said;
}

TEST(Complaint, IsFoundByItsWords) {
  const std::string log =
      "[    0.1] EXT4-fs (vda): INFO: recovery required\n"
      "[    0.2] WARNING: CPU: 0 PID: 1 at mm/gup.c:1\n[    0.3] BUG: other\n";
  EXPECT_EQ(find_complaint(log, {}), "[    0.2] WARNING: CPU: 0 PID: 1 at mm/gup.c:1");
  EXPECT_EQ(find_complaint(log, {"gup.c"}), "[    0.3] BUG: other");
  EXPECT_EQ(find_complaint(log, {"gup.c", "other"}), "");
  EXPECT_EQ(find_complaint("", {}), "");
}
