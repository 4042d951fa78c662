// SPDX-License-Identifier: GPL-2.0
//
// The kernel's other built-in tests by lkl test boot.
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

class BootTest : public ToolTest {
 protected:
  static nlohmann::json report(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"test", "boot", "--json"});
    const Result result = lkl(arguments);
    const auto json = nlohmann::json::parse(result.out);
    for (const auto& suite : json["suites"])
      EXPECT_EQ(suite["verdict"], "passed") << suite.dump(1) << result.err;
    EXPECT_EQ(result.status, 0);
    return json;
  }
  static std::set<std::string> names(const nlohmann::json& tests) {
    std::set<std::string> all;
    for (const auto& test : tests) all.insert(test["name"]);
    return all;
  }
};

// Minutes.
using BootTestSlow = BootTest;

TEST_F(BootTestSlow, AllButTorture) {
  const auto json = report({"--skip-slow", "--timeout", "600"});
  const std::set<std::string> suites = names(json["suites"]);
  // fewer would mean that the search for tests has lost some
  EXPECT_GE(suites.size(), 28u);
  for (const char* name :
       {"boot", "crypto", "test_hexdump", "test_xarray", "test_maple_tree", "test_vmalloc"})
    EXPECT_TRUE(suites.contains(name)) << name;
  for (const auto& suite : json["suites"]) {
    if (suite["name"] == "boot") {
      EXPECT_TRUE(names(suite["tests"]).contains("locking API"));
    }
    if (suite["name"] == "crypto") {
      EXPECT_GE(suite["tests"].size(), 100u);
    }
  }
}

TEST_F(BootTest, LockdepAndCryptoTestThemselves) {
  for (const auto& [suite, test] :
       {std::pair{"boot", "locking API"}, {"crypto", "sha256-generic"}}) {
    const auto json = report({"--filter", suite});
    ASSERT_EQ(json["suites"].size(), 1u);
    EXPECT_TRUE(names(json["suites"][0]["tests"]).contains(test)) << json.dump(1);
  }
}

// Each of its parts says how often it has passed and failed; this is the last one.
TEST_F(BootTest, Vmalloc) {
  const auto json = report({"--filter", "test_vmalloc"});
  ASSERT_EQ(json["suites"].size(), 1u);
  const std::string reason = json["suites"][0]["reason"];
  EXPECT_NE(reason.find("vm_map_ram_test passed: 1 failed: 0"), std::string::npos) << reason;
}

TEST_F(BootTest, RcuTorture) {
  const auto json = report({"--filter", "rcutorture-rcu", "--seconds", "10"});
  ASSERT_EQ(json["suites"].size(), 1u);
  EXPECT_EQ(json["suites"][0]["reason"], "End of test: SUCCESS");
  EXPECT_GE(json["suites"][0]["seconds"], 10);
}

TEST_F(BootTest, ListAndFilter) {
  const std::string list = lkl_ok({"test", "boot", "--list"});
  EXPECT_NE(list.find("\ntest_hexdump\n"), std::string::npos) << list;
  EXPECT_NE(list.find("\nrcutorture-srcu (for --seconds)\n"), std::string::npos) << list;
  EXPECT_NE(list.find("\nlocktorture-mutex_lock (for --seconds)\n"), std::string::npos) << list;
  EXPECT_EQ(list.find("busted"), std::string::npos);
  EXPECT_NE(list.find("\ntest_rslib\n"), std::string::npos) << list;
  const std::string quick = lkl_ok({"test", "boot", "--skip-slow", "--list"});
  EXPECT_EQ(quick.find("test_rslib"), std::string::npos) << quick;
  EXPECT_EQ(quick.find("rcutorture"), std::string::npos) << quick;
  EXPECT_EQ(lkl({"test", "boot", "--filter", "no-such-test"}).status, 2);
  EXPECT_EQ(lkl({"test", "boot", "--seconds", "0"}).status, 2);
}

TEST_F(BootTest, OneThatTakesTooLongIsOneFailure) {
  const Result result =
      lkl({"test", "boot", "--filter", "test_maple_tree", "--timeout", "0.1", "--json"});
  EXPECT_EQ(result.status, 1);
  const auto json = nlohmann::json::parse(result.out);
  for (const auto& suite : json["suites"]) EXPECT_EQ(suite["verdict"], "timed out");
}

TEST_F(BootTestSlow, TheSameTwice) {
  const auto verdicts = [] {
    std::map<std::string, std::string> all;
    for (const auto& suite :
         report({"--filter", "test_*", "--skip-slow", "--timeout", "600"})["suites"])
      all[suite["name"]] = suite["verdict"];
    return all;
  };
  EXPECT_EQ(verdicts(), verdicts());
}

TEST_F(BootTest, Reports) {
  lkl_ok({"test", "boot", "--filter", "test_uuid", "--ktap", "all.ktap", "--junit", "all.xml"});
  EXPECT_EQ(shell("cat all.ktap | grep -c '^ok 1 test_uuid'"), "1\n");
  EXPECT_NE(shell("cat all.xml").find("<testsuites name=\"boot\" tests=\"1\""), std::string::npos);
  shell("python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse(\"all.xml\")'");
}

}  // namespace
}  // namespace lkl::tool_test
