// SPDX-License-Identifier: GPL-2.0
//
// Which lines of the kernel have run: what lkl test --coverage and LKL_COVERAGE say of functions
// of which is known whether, and how often, they were called.
#include <nlohmann/json.hpp>

#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

class CoverageTest : public ToolTest {
 protected:
  // How often the kernel has booted, by gcov itself.
  long boots(const std::string& folder) const {
    const auto json = nlohmann::json::parse(shell("gcov --json-format --stdout " + path(folder) +
                                                  LKL_KERNEL_OBJECTS "/init/main.gcda"));
    for (const auto& file : json["files"])
      for (const auto& function : file["functions"])
        if (function["name"] == "start_kernel") return function["execution_count"];
    return -1;
  }
};

// Two suites, each in a kernel of its own: both are in the report.
TEST_F(CoverageTest, OfSuitesInForks) {
  const Result result =
      lkl({"test", "kunit", "--filter", "ext4*", "--coverage", "report", "--path", "fs/ext4"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("coverage of fs/ext4: "), std::string::npos) << result.err;
  // one call for each of its parameters
  EXPECT_EQ(calls("report/lcov.info", "inode_test_xtimestamp_decoding"), 16);
  EXPECT_GT(calls("report/lcov.info", "test_mark_diskspace_used"), 0);
  EXPECT_EQ(calls("report/lcov.info", "ext4_unlink"), 0);
  EXPECT_NE(shell("cat " + path("report/index.html")).find("fs/ext4"), std::string::npos);
  EXPECT_NE(shell("find " + path("report") + " -name inode-test.c.gcov.html"), "");
}

// The same folder again: what ran then is not in it.
TEST_F(CoverageTest, OfThisRunOnly) {
  for (const char* filter : {"ext4_inode_test", "ext4_mballoc_test"})
    EXPECT_EQ(lkl({"test", "kunit", "--filter", filter, "--coverage", "report", "--path",
                   "fs/ext4/inode-test.c"})
                  .status,
              0);
  EXPECT_EQ(calls("report/lcov.info", "inode_test_xtimestamp_decoding"), 0);
}

TEST_F(CoverageTest, PathsThatAreNotThere) {
  for (const char* path : {"fs/ext5", "/etc", "../x"}) {
    const Result result = lkl(
        {"test", "kunit", "--filter", "ext4_inode_test", "--coverage", "report", "--path", path});
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.err.find("no such file or folder in the kernel tree"), std::string::npos)
        << result.err;
  }
}

// Any program: the data of several runs adds up.
TEST_F(CoverageTest, ByTheEnvironment) {
  const std::string command =
      "LKL_COVERAGE=" + path("data") + " " LKL_TOOL_PATH " test list --filter 'list*'";
  shell(command);
  EXPECT_EQ(boots("data"), 1);
  shell(command);
  shell(command);
  EXPECT_EQ(boots("data"), 3);
}

TEST_F(CoverageTest, AFolderThatCannotBeMade) {
  const Result result =
      shell_status("LKL_COVERAGE=/dev/null/data " LKL_TOOL_PATH " test list --filter 'list*' 2>&1");
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out.find("lkl: LKL_COVERAGE=/dev/null/data: Not a directory"), std::string::npos)
      << result.out;
}

}  // namespace
}  // namespace lkl::tool_test
