// SPDX-License-Identifier: GPL-2.0
//
// What sockets do by lkl run is what they do on the host.
#include <sstream>

#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

std::vector<std::string> cases() {
  std::vector<std::string> names;
  std::istringstream lines(run({LKL_ORACLE}).out);
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  return names;
}

void says_the_same(const std::string& name, const std::string& tier) {
  const Result host = run({LKL_ORACLE, name});
  ASSERT_EQ(host.status, 0) << host.out << host.err;
  ASSERT_FALSE(host.out.empty());
  const Result served = run({LKL_TOOL_PATH, "run", "--tier", tier, "--", LKL_ORACLE, name});
  EXPECT_EQ(served.status, 0) << served.err;
  EXPECT_EQ(served.out, host.out);
}

class OracleTest : public ToolTest, public testing::WithParamInterface<std::string> {};
class AutoOracleTest : public OracleTest {};
class PreloadedOracleTest : public OracleTest {};

TEST_P(OracleTest, SaysTheSame) {
  says_the_same(GetParam(), "server");
}

INSTANTIATE_TEST_SUITE_P(Cases, OracleTest, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param; });

TEST_P(AutoOracleTest, SaysTheSame) {
  says_the_same(GetParam(), "auto");
}

INSTANTIATE_TEST_SUITE_P(Cases, AutoOracleTest, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param; });

TEST_P(PreloadedOracleTest, SaysTheSame) {
  says_the_same(GetParam(), "preload");
}

INSTANTIATE_TEST_SUITE_P(Cases, PreloadedOracleTest, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace lkl::tool_test
