// SPDX-License-Identifier: GPL-2.0
// Which suites a kernel says it has, and which of them a filter means.
#include <gtest/gtest.h>

#include "ktest/kunit.h"

using namespace lkl::tool;

namespace {

constexpr char kLog[] = R"(Linux version 6.12.0
random: crng init done
KTAP version 1
example_init
# module: kunit_example_test
# is_init: true
example_init.example_init_test
time_test_cases
# module: time_test
time_test_cases.time64_to_tm_test_date_range
# time64_to_tm_test_date_range.speed: slow
RFC 3961 tests
# module: gss_krb5_test
RFC 3961 tests.RFC 3961 n-fold
crng: a message in between
list-kunit-test
list-kunit-test.list_test_list_init
list-kunit-test.list_test_list_add
clk: Disabling unused clocks
late
)";

}  // namespace

TEST(KunitList, NamesTestsAndAttributes) {
  const std::vector<KunitSuite> suites = read_suite_list(kLog);
  ASSERT_EQ(suites.size(), 4u);
  EXPECT_EQ(suites[0].name, "example_init");
  EXPECT_TRUE(suites[0].while_boot);
  EXPECT_FALSE(suites[0].slow);
  EXPECT_TRUE(suites[1].slow);
  EXPECT_FALSE(suites[1].while_boot);
  EXPECT_EQ(suites[2].name, "RFC 3961 tests");
  EXPECT_EQ(suites[2].tests, std::vector<std::string>{"RFC 3961 n-fold"});
  EXPECT_EQ(suites[3].tests,
            (std::vector<std::string>{"list_test_list_init", "list_test_list_add"}));
}

TEST(KunitList, AKernelWithoutKunitHasNone) {
  EXPECT_TRUE(read_suite_list("Linux version 6.12.0\nhello\n").empty());
}

TEST(KunitFilter, AnyNameCanBeMeant) {
  const KunitSuite suite = {"s", {"a*b [x]"}};
  KunitFilter filter("s");
  filter.test = escape_glob("a*b [x]");
  EXPECT_TRUE(filter.matches(suite));
  filter.test = escape_glob("a?b [x]");
  EXPECT_FALSE(filter.matches(suite));
}

TEST(KunitFilter, SuitesAndTests) {
  const KunitSuite suite = {"list-kunit-test", {"list_test_list_init", "list_test_list_add"}};
  EXPECT_TRUE(KunitFilter("").matches(suite));
  EXPECT_TRUE(KunitFilter("list*").matches(suite));
  EXPECT_TRUE(KunitFilter("*.*_add").matches(suite));
  EXPECT_FALSE(KunitFilter("list*.nothing").matches(suite));
  EXPECT_FALSE(KunitFilter("hash*").matches(suite));
}
