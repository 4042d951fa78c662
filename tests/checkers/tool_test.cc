// SPDX-License-Identifier: GPL-2.0
// lkl test in a kernel with checkers.
#include "tools/tool_test.h"

#include <nlohmann/json.hpp>

#include "checkers/kernel_report.h"

namespace lkl::tool_test {
namespace {

class CheckedKunitTest : public ToolTest {};

// A test that passes while KASAN has found something has failed.
TEST_F(CheckedKunitTest, AReportIsAFailure) {
  if (!lkl_test::has_checker("kasan")) GTEST_SKIP() << "this kernel is built without kasan";
  const Result result = lkl({"test", "kunit", "--filter", "planted", "--profile", "kasan", "--json",
                             "--ktap", "all.ktap"});
  EXPECT_EQ(result.status, 1);
  const auto results = nlohmann::json::parse(result.out);
  const auto& suite = results["suites"][0];
  EXPECT_EQ(suite["verdict"], "failed");
  EXPECT_EQ(suite["tests"][0]["verdict"], "failed");
  // In the log if KUnit has noticed it by itself.
  EXPECT_NE(
      suite["tests"][0].dump().find("BUG: KASAN: slab-use-after-free in planted_use_after_free"),
      std::string::npos)
      << suite;
  EXPECT_EQ(suite["tests"][1]["verdict"], "passed");
  // and not the first one only
  EXPECT_EQ(suite["tests"][2]["verdict"], "failed");
  EXPECT_NE(
      suite["tests"][2].dump().find("BUG: KASAN: slab-out-of-bounds in planted_slab_out_of_bounds"),
      std::string::npos)
      << suite;
  EXPECT_NE(shell("cat " + path("all.ktap")).find("not ok 1 planted"), std::string::npos);
}

TEST_F(CheckedKunitTest, SuitesWithoutBugsPass) {
  lkl_ok({"test", "kunit", "--filter", "list*"});
  lkl_ok({"test", "kunit", "--filter", "ext4*"});
}

TEST_F(CheckedKunitTest, ProfilesThatDoNotExist) {
  const Result result = lkl({"test", "kunit", "--profile", "kasan,kmsan"});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("no such checker as 'kmsan'"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace lkl::tool_test
