// SPDX-License-Identifier: GPL-2.0
#include "ktest/test_report.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <iterator>

#include "ktest/checker_report.h"

namespace lkl::tool {

namespace {

// Text for XML 1.0, which cannot say control characters at all, in attributes too.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        const bool allowed = (byte >= 0x20 && byte < 0x7f) || c == '\n' || c == '\t';
        out += allowed ? c : '?';
      }
    }
  }
  return out;
}

std::string message_of(const TestResult& result) {
  return result.reason.empty() ? std::string(verdict_name(result.verdict)) : result.reason;
}

struct JunitWriter {
  std::string out;
  std::string suite;

  void add(const TestResult& test, const std::string& name) {
    if (!test.children.empty()) {
      for (const TestResult& child : test.children)
        add(child, name.empty() ? child.name : name + "/" + child.name);
      // Its own failure may be in none of them.
      const bool explained = std::any_of(test.children.begin(), test.children.end(),
                                         [](const TestResult& t) { return !is_good(t.verdict); });
      if (is_good(test.verdict) || explained) return;
    }
    out += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", xml(suite),
                       xml(name.empty() ? suite : name));
    if (test.verdict == Verdict::kPassed) {
      out += "/>\n";
      return;
    }
    out += ">\n";
    if (test.verdict == Verdict::kSkipped) {
      out += fmt::format("      <skipped message=\"{}\"/>\n", xml(message_of(test)));
    } else {
      const char* kind = test.verdict == Verdict::kFailed ? "failure" : "error";
      out += fmt::format("      <{} message=\"{}\">{}</{}>\n", kind, xml(message_of(test)),
                         xml(test.log), kind);
    }
    out += "    </testcase>\n";
  }
};

Json json_of(const TestResult& result) {
  Json json = {{"name", result.name}, {"verdict", verdict_name(result.verdict)}};
  if (!result.reason.empty()) json["reason"] = result.reason;
  if (!is_good(result.verdict) && !result.log.empty()) json["log"] = result.log;
  if (!result.children.empty()) {
    json["tests"] = Json::array();
    for (const TestResult& child : result.children) json["tests"].push_back(json_of(child));
  }
  return json;
}

Json json_of(const TestCounts& counts) {
  return {{"passed", counts.passed}, {"failed", counts.failed}, {"skipped", counts.skipped}};
}

TestCounts counts_of(const std::vector<SuiteRun>& runs) {
  TestCounts counts;
  for (const SuiteRun& run : runs) counts.add(run.result);
  return counts;
}

// Where the kernel was when it died: the test that had begun, or the first that should have a
// result and has none, which is added. Null if there is none.
TestResult* find_guilty(const std::vector<std::string>& tests, std::vector<TestResult>& results) {
  for (TestResult& result : results)
    if (result.unfinished) return &result;
  for (const std::string& test : tests) {
    const auto has_its_name = [&](const TestResult& result) { return result.name == test; };
    if (std::any_of(results.begin(), results.end(), has_its_name)) continue;
    results.emplace_back();
    results.back().name = test;
    return &results.back();
  }
  return nullptr;
}

}  // namespace

std::string how_it_ended(const ProcessEnd& end) {
  if (end.timed_out) return fmt::format("no end within {:g} s", end.limit);
  if (end.signal != 0)
    return fmt::format("the kernel died: {} ({})", strsignal(end.signal),
                       end.signal == SIGABRT ? "panic" : "signal");
  if (end.exit_status != 0) return "the kernel did not run it";
  return "it has no result";
}

Verdict worst_of(const std::vector<TestResult>& tests) {
  bool skipped = !tests.empty();
  for (const TestResult& test : tests) {
    if (!is_good(test.verdict)) return Verdict::kFailed;
    skipped = skipped && test.verdict == Verdict::kSkipped;
  }
  return skipped ? Verdict::kSkipped : Verdict::kPassed;
}

TestResult judge_suite(const std::string& name, const std::vector<std::string>& tests,
                       std::string_view log, const ProcessEnd& end) {
  KtapResults ktap = read_ktap(log);
  const bool well = end.exit_status == 0 && end.signal == 0 && !end.timed_out;
  TestResult suite;
  if (ktap.results.size() == 1 && ktap.results[0].name == name) {
    suite = std::move(ktap.results[0]);
    if (well) {
      suite.reported = fail_by_checker_reports(suite);
      return suite;
    }
  } else if (ktap.unfinished) {
    suite.children = std::move(ktap.unfinished->children);
  }
  suite.name = name;
  suite.verdict = end.timed_out ? Verdict::kTimedOut : well ? Verdict::kFailed : Verdict::kCrashed;
  suite.reason = how_it_ended(end);
  suite.log += ktap.rest;
  if (TestResult* guilty = find_guilty(tests, suite.children)) {
    guilty->verdict = suite.verdict;
    guilty->reason = suite.reason;
    guilty->log = suite.log;
    suite.reason += " in " + guilty->name;
  }
  return suite;
}

std::string junit_report(const std::string& set, const std::vector<SuiteRun>& runs) {
  const TestCounts all = counts_of(runs);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n", set,
                     all.total(), all.failed, all.skipped);
  for (const SuiteRun& run : runs) {
    TestCounts counts;
    counts.add(run.result);
    out += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n",
        xml(run.result.name), counts.total(), counts.failed, counts.skipped, run.seconds);
    JunitWriter writer{{}, run.result.name};
    writer.add(run.result, "");
    out += writer.out + "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

Json json_report(const std::vector<SuiteRun>& runs) {
  Json suites = Json::array();
  for (const SuiteRun& run : runs) {
    Json suite = json_of(run.result);
    suite["seconds"] = run.seconds;
    suites.push_back(std::move(suite));
  }
  return {{"counts", json_of(counts_of(runs))}, {"suites", std::move(suites)}};
}

std::string ktap_report(const std::vector<SuiteRun>& runs) {
  std::string out = fmt::format("KTAP version 1\n1..{}\n", runs.size());
  std::size_t index = 0;
  for (const SuiteRun& run : runs)
    out += run.ktap.empty() ? write_ktap(run.result, ++index) : renumber_ktap(run.ktap, ++index);
  return out;
}

}  // namespace lkl::tool
