// SPDX-License-Identifier: GPL-2.0
//
// The kernel's KUnit suites by lkl test, as a kernel developer runs them.
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
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

// What cannot be here; docs/kunit.md says why.
const std::set<std::string> kCannotPass = {"usercopy/usercopy_test_invalid"};

// Names of those that did not pass, innermost ones.
void collect_failures(const nlohmann::json& result, const std::string& name,
                      std::set<std::string>& failures) {
  if (result["verdict"] == "passed" || result["verdict"] == "skipped") return;
  if (!result.contains("tests")) failures.insert(name);
  for (const auto& test : result.value("tests", nlohmann::json::array()))
    collect_failures(test, name + "/" + test["name"].get<std::string>(), failures);
}

TEST_F(KunitTest, AllSuites) {
  const Result result = lkl({"test", "kunit", "--json"});
  const auto json = nlohmann::json::parse(result.out);
  std::set<std::string> failures;
  for (const auto& suite : json["suites"]) collect_failures(suite, suite["name"], failures);
  EXPECT_EQ(failures, kCannotPass) << result.err;
  EXPECT_EQ(result.status, 1);
  // fewer would mean that the search for suites has lost some
  EXPECT_GE(json["suites"].size(), 176u);
  EXPECT_GE(json["counts"]["passed"], 2200);
}

// One suite, told like any other, has a test that crashes in the way of a bug: it runs into NULL.
TEST_F(KunitTest, AFaultOfATestIsNotTheEnd) {
  const auto json =
      nlohmann::json::parse(lkl({"test", "kunit", "--filter", "kunit_fault", "--json"}).out);
  EXPECT_EQ(json["suites"][0]["verdict"], "passed");
  EXPECT_EQ(json["counts"]["passed"], 1);
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
  const std::string parsed =
      shell("python3 -B " LKL_KUNIT_PY " parse " + path("all.ktap") + " 2>&1");
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
