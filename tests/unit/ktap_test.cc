// SPDX-License-Identifier: GPL-2.0
// Reading KTAP, and what becomes of suites that fail, crash and hang.
#include "ktest/ktap.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "ktest/test_report.h"
#include "support/host_tools.h"

using namespace lkl::tool;

namespace {

// As the kernel prints it, with other messages in between.
constexpr char kLog[] = R"([    0.100000] KTAP version 1
[    0.100001] 1..1
[    0.100002]     KTAP version 1
[    0.100003]     # Subtest: planted
[    0.100004]     # module: planted_test
[    0.100005]     1..4
[    0.100006]     ok 1 good
[    0.100007] random: crng init done
[    0.100008]     # bad: EXPECTATION FAILED at lib/planted.c:12
[    0.100008]     Expected 1 == 2, but
[    0.100009]     not ok 2 bad
[    0.100010]         KTAP version 1
[    0.100011]         # Subtest: many
[    0.100012]         ok 1 first
[    0.100013]         ok 2 second # SKIP not here
[    0.100014]     # many: pass:1 fail:0 skip:1 total:2
[    0.100015]     ok 3 many
[    0.100016]     ok 4 later # SKIP needs hardware
[    0.100017] # planted: pass:2 fail:1 skip:1 total:4
[    0.100018] # Totals: pass:2 fail:1 skip:2 total:5
[    0.100019] not ok 1 planted
)";

const std::vector<std::string> kTests = {"good", "bad", "many", "later"};

// The log up to a line that has this in it.
std::string until(const std::string& text) {
  const std::string log = kLog;
  return log.substr(0, log.rfind('\n', log.find(text)) + 1);
}

}  // namespace

TEST(Ktap, ReadsSuitesTestsAndParameters) {
  const KtapResults read = read_ktap(kLog);
  ASSERT_EQ(read.results.size(), 1u);
  EXPECT_FALSE(read.unfinished);
  const TestResult& suite = read.results[0];
  EXPECT_EQ(suite.name, "planted");
  EXPECT_EQ(suite.verdict, Verdict::kFailed);
  ASSERT_EQ(suite.children.size(), 4u);
  EXPECT_EQ(suite.children[0].verdict, Verdict::kPassed);
  EXPECT_EQ(suite.children[1].verdict, Verdict::kFailed);
  EXPECT_EQ(suite.children[1].log,
            "random: crng init done\n    # bad: EXPECTATION FAILED at lib/planted.c:12\n"
            "    Expected 1 == 2, but\n");
  ASSERT_EQ(suite.children[2].children.size(), 2u);
  EXPECT_EQ(suite.children[2].children[1].verdict, Verdict::kSkipped);
  EXPECT_EQ(suite.children[2].children[1].reason, "not here");
  EXPECT_EQ(suite.children[3].name, "later");
  EXPECT_EQ(suite.children[3].reason, "needs hardware");

  TestCounts counts;
  counts.add(suite);
  EXPECT_EQ(counts.passed, 2u);
  EXPECT_EQ(counts.failed, 1u);
  EXPECT_EQ(counts.skipped, 2u);
}

TEST(Ktap, OneLogOfSeveralSuites) {
  const KtapResults read = read_ktap(
      "KTAP version 1\n1..2\n    KTAP version 1\n    # Subtest: a\n    1..1\n    ok 1 x\nok 1 a\n"
      "    KTAP version 1\n    # Subtest: b\n    1..1\n    ok 1 y\nok 2 b\n");
  ASSERT_EQ(read.results.size(), 2u);
  EXPECT_EQ(read.results[0].children[0].name, "x");
  EXPECT_EQ(read.results[1].children[0].name, "y");
}

TEST(Ktap, ATestThatIsMissingIsAFailure) {
  const KtapResults read =
      read_ktap("    KTAP version 1\n    # Subtest: a\n    1..2\n    ok 1 x\nok 1 a\n");
  ASSERT_EQ(read.results.size(), 1u);
  EXPECT_EQ(read.results[0].verdict, Verdict::kFailed);
  EXPECT_EQ(read.results[0].reason, "2 tests were planned, 1 have a result");
}

TEST(Ktap, NothingAtAll) {
  EXPECT_TRUE(read_ktap("").results.empty());
  EXPECT_TRUE(read_ktap("hello\n[ 1.0] world\n").results.empty());
}

TEST(Judge, TheKernelsVerdictCounts) {
  const TestResult suite = judge_suite("planted", kTests, kLog, {});
  EXPECT_EQ(suite.verdict, Verdict::kFailed);
  EXPECT_EQ(suite.children.size(), 4u);
}

TEST(Judge, ACrashIsBlamedOnTheTestThatRan) {
  ProcessEnd end;
  end.signal = SIGABRT;
  const std::string log = until("not ok 2 bad") + "Kernel panic - not syncing: planted\n";
  const TestResult suite = judge_suite("planted", kTests, log, end);
  EXPECT_EQ(suite.verdict, Verdict::kCrashed);
  ASSERT_EQ(suite.children.size(), 2u);
  EXPECT_EQ(suite.children[0].verdict, Verdict::kPassed);
  EXPECT_EQ(suite.children[1].name, "bad");
  EXPECT_EQ(suite.children[1].verdict, Verdict::kCrashed);
  EXPECT_NE(suite.children[1].log.find("planted"), std::string::npos);
  EXPECT_NE(suite.reason.find("in bad"), std::string::npos);
}

TEST(Judge, AHangIsBlamedOnTheTestThatRan) {
  ProcessEnd end;
  end.timed_out = true;
  end.signal = SIGKILL;
  end.limit = 3;
  const TestResult suite = judge_suite("planted", kTests, until("ok 2 second"), end);
  EXPECT_EQ(suite.verdict, Verdict::kTimedOut);
  EXPECT_EQ(suite.reason, "no end within 3 s in many");
  ASSERT_EQ(suite.children.size(), 3u);
  EXPECT_EQ(suite.children[2].name, "many");
  EXPECT_EQ(suite.children[2].verdict, Verdict::kTimedOut);
  EXPECT_EQ(suite.children[2].children.size(), 1u);
}

TEST(Judge, ACrashAfterTheLastResultIsACrash) {
  ProcessEnd end;
  end.signal = SIGSEGV;
  const TestResult suite = judge_suite("planted", kTests, kLog, end);
  EXPECT_EQ(suite.verdict, Verdict::kCrashed);
  EXPECT_EQ(suite.children.size(), 4u);
}

TEST(Judge, SilenceIsAFailure) {
  EXPECT_EQ(judge_suite("planted", kTests, "", {}).verdict, Verdict::kFailed);
  ProcessEnd end;
  end.exit_status = 1;
  EXPECT_EQ(judge_suite("planted", kTests, "", end).verdict, Verdict::kCrashed);
}

TEST(Report, ManyKernelsGiveOneDocument) {
  std::vector<SuiteRun> runs(2);
  runs[0].ktap = kLog;
  runs[0].result = judge_suite("planted", kTests, kLog, {});
  ProcessEnd end;
  end.signal = SIGABRT;
  runs[1].result = judge_suite("crashing", kTests, until("ok 1 good") + "Oops\n", end);
  const std::string ktap = ktap_report(runs);
  EXPECT_TRUE(ktap.starts_with("KTAP version 1\n1..2\n    KTAP version 1\n"));
  EXPECT_NE(ktap.find("\nnot ok 1 planted\n"), std::string::npos);
  EXPECT_NE(ktap.find("\nnot ok 2 crashing\n"), std::string::npos);
  EXPECT_EQ(ktap.find("[    0.1"), std::string::npos);
  const KtapResults read = read_ktap(ktap);
  ASSERT_EQ(read.results.size(), 2u);
  EXPECT_EQ(read.results[0].children.size(), 4u);
  EXPECT_EQ(read.results[0].children[2].children.size(), 2u);
  EXPECT_FALSE(read.unfinished);
  EXPECT_NE(ktap.find("\n    not ok 1 good\n"), std::string::npos) << ktap;
}

TEST(Report, Junit) {
  std::vector<SuiteRun> runs(1);
  runs[0].result = judge_suite("planted", kTests, kLog, {});
  const std::string xml = junit_report("kunit", runs);
  EXPECT_NE(xml.find("<testsuites name=\"kunit\" tests=\"5\" failures=\"1\" skipped=\"2\">"),
            std::string::npos)
      << xml;
  EXPECT_NE(xml.find("<testcase classname=\"planted\" name=\"many/first\" />"), std::string::npos)
      << xml;
  EXPECT_NE(xml.find("<failure message=\"failed\">"), std::string::npos);
  EXPECT_NE(xml.find("<skipped message=\"needs hardware\" />"), std::string::npos);
}

// Names, reasons and logs as another reader of XML has them.
std::string read_by_python(const std::string& xml) {
  const lkl_test::TempDir directory;
  std::ofstream(directory / "report.xml") << xml;
  std::ofstream(directory / "read.py")
      << "import sys, xml.etree.ElementTree as tree\n"
         "sys.stdout.reconfigure(encoding='utf-8')\n"
         "for test in tree.parse(sys.argv[1]).getroot().iter('testcase'):\n"
         "  print(test.get('classname'), test.get('name'), sep='|', end='|')\n"
         "  for end in test: print(end.tag, end.get('message'), end.text, sep='|', end='')\n"
         "  print()\n";
  std::string said;
  EXPECT_EQ(
      lkl_test::run("python3 " + directory / "read.py" + " " + directory / "report.xml", &said), 0)
      << said << xml;
  return said;
}

TEST(Report, JunitSaysWhatXmlCan) {
  std::vector<SuiteRun> runs(1);
  TestResult& suite = runs[0].result;
  suite.name = "a<b>&\"c'";
  suite.verdict = Verdict::kFailed;
  suite.children.resize(3);
  suite.children[0].name = "not said: \x01\x1f";
  suite.children[0].verdict = Verdict::kFailed;
  suite.children[0].reason = "two\n\tlines \xc3\xa9";
  suite.children[0].log = "\x1b[31mred ]]> <!-- \xf0\x9f\x90\xa7\n";
  suite.children[1].name = std::string("zero\0.", 6);
  suite.children[1].verdict = Verdict::kSkipped;
  suite.children[1].reason =
      "no characters: \xef\xbf\xbe \xef\xbf\xbf \xed\xa0\x80 \xf7\xbf\xbf\xbf";
  suite.children[2].name = "no UTF-8: \xff, \xc3, \x80, \xe2\x82";
  suite.children[2].verdict = Verdict::kPassed;
  EXPECT_EQ(read_by_python(junit_report("kunit", runs)),
            "a<b>&\"c'|not said: ??|failure|two\n\tlines \xc3\xa9|?[31mred ]]> <!-- "
            "\xf0\x9f\x90\xa7\n\n"
            "a<b>&\"c'|zero?.|skipped|no characters: ? ? ? ?|None\n"
            "a<b>&\"c'|no UTF-8: , , , |\n");

  // Each byte, alone and before others.
  std::string bytes;
  for (int byte = 0; byte < 256; byte++)
    for (const char* behind : {"", "a", "\x80", "\xbf\xbf", "\x80\x80\x80", "\xff"})
      bytes += static_cast<char>(byte) + std::string(behind) + " ";
  suite.children[2].name = suite.children[0].log = suite.children[0].reason = bytes;
  EXPECT_NE(read_by_python(junit_report("kunit", runs)), "");
}

TEST(Report, Json) {
  std::vector<SuiteRun> runs(1);
  runs[0].result = judge_suite("planted", kTests, kLog, {});
  const Json json = json_report(runs);
  EXPECT_EQ(json["counts"]["passed"], 2);
  EXPECT_EQ(json["suites"][0]["verdict"], "failed");
  EXPECT_EQ(json["suites"][0]["tests"][2]["tests"][1]["reason"], "not here");
}
