// SPDX-License-Identifier: GPL-2.0
//
// The kernel's KUnit suites by lkl test, as a kernel developer runs them.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

class KunitTest : public ToolTest {
 protected:
  std::string contents(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }
};

TEST_F(KunitTest, AllSuitesThatAreNotSlow) {
  const Result result = lkl({"test", "kunit", "--skip-slow", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["counts"]["failed"], 0);
  // fewer would mean that the search for suites has lost some
  EXPECT_GT(json["suites"].size(), 100u);
  EXPECT_GT(json["counts"]["passed"], 700);
}

TEST_F(KunitTest, ListAndFilter) {
  const std::string list = lkl_ok({"test", "list", "--filter", "list*"});
  EXPECT_NE(list.find("list-kunit-test\nlist-kunit-test.list_test_list_init\n"), std::string::npos);
  EXPECT_EQ(list.find("hashtable"), std::string::npos);
  const auto json = nlohmann::json::parse(
      lkl({"test", "kunit", "--filter", "list-kunit-test.*_add", "--json"}).out);
  EXPECT_EQ(json["suites"].size(), 1u);
  EXPECT_EQ(json["suites"][0]["tests"].size(), 1u);
  EXPECT_EQ(lkl({"test", "kunit", "--filter", "no-such-suite"}).status, 2);
}

TEST_F(KunitTest, SuitesOfTheBootRunInABoot) {
  const std::string out = lkl_ok({"test", "kunit", "--filter", "example_init"});
  EXPECT_NE(out.find("1 suites (0 failed), 1 tests: 1 passed"), std::string::npos) << out;
}

TEST_F(KunitTest, TheTreesOwnToolReadsTheKtap) {
  const std::string out =
      lkl_ok({"test", "kunit", "--filter", "*list*", "--ktap", "all.ktap", "--junit", "all.xml"});
  const std::string parsed = shell("python3 -B " LKL_KUNIT_PY " parse " + path("all.ktap") + " 2>&1");
  EXPECT_NE(parsed.find("list-kunit-test"), std::string::npos) << parsed;
  EXPECT_EQ(parsed.find("[ERROR]"), std::string::npos) << parsed;
  EXPECT_EQ(parsed.find("[FAILED]"), std::string::npos) << parsed;
  shell("python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(\"all.xml\")'");
  EXPECT_NE(contents("all.xml").find("classname=\"list-kunit-test\""), std::string::npos);
}

TEST_F(KunitTest, ASuiteThatTakesTooLongIsOneFailure) {
  const Result result = lkl({"test", "kunit", "--filter", "*list*", "--timeout", "0.001"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("no end within 0.001 s"), std::string::npos) << result.out;
}

TEST_F(KunitTest, TheSameTwice) {
  const auto verdicts = [] {
    const auto json = nlohmann::json::parse(
        lkl({"test", "kunit", "--filter", "*[lr]*", "--skip-slow", "--json"}).out);
    std::map<std::string, std::string> all;
    for (const auto& suite : json["suites"]) all[suite["name"]] = suite["verdict"];
    return all;
  };
  EXPECT_EQ(verdicts(), verdicts());
}

}  // namespace
}  // namespace lkl::tool_test
