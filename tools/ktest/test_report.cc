// SPDX-License-Identifier: GPL-2.0
#include "ktest/test_report.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cstdint>
#include <pugixml.hpp>
#include <sstream>

#include "ktest/checker_report.h"

namespace lkl::tool {

namespace {

// Of text, what XML 1.0 can say: no control characters, in no way of writing them. What is no UTF-8
// is left out.
std::string xml_text(std::string_view text) {
  const auto is_possible = [](std::uint32_t c) {
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xd800) ||
           (c >= 0xe000 && c < 0xfffe) || (c >= 0x10000 && c < 0x110000);
  };
  std::wstring characters = pugi::as_wide(std::string(text));
  for (wchar_t& c : characters)
    if (!is_possible(static_cast<std::uint32_t>(c))) c = L'?';
  return pugi::as_utf8(characters);
}

void set(pugi::xml_node& element, const char* name, std::string_view value) {
  element.append_attribute(name).set_value(xml_text(value).c_str());
}

void set(pugi::xml_node& element, const TestCounts& counts) {
  element.append_attribute("tests").set_value(counts.total());
  element.append_attribute("failures").set_value(counts.failed);
  element.append_attribute("skipped").set_value(counts.skipped);
}

std::string message_of(const TestResult& result) {
  return result.reason.empty() ? std::string(verdict_name(result.verdict)) : result.reason;
}

// `name`: of the test in its suite; empty for the suite.
void add_tests(pugi::xml_node& suite, const TestResult& test, const std::string& name) {
  if (!test.children.empty()) {
    for (const TestResult& child : test.children)
      add_tests(suite, child, name.empty() ? child.name : name + "/" + child.name);
    // Its own failure may be in none of them.
    const bool explained = std::any_of(test.children.begin(), test.children.end(),
                                       [](const TestResult& t) { return !is_good(t.verdict); });
    if (is_good(test.verdict) || explained) return;
  }
  const char* const suite_name = suite.attribute("name").value();
  pugi::xml_node element = suite.append_child("testcase");
  element.append_attribute("classname").set_value(suite_name);
  set(element, "name", name.empty() ? test.name : name);
  if (test.verdict == Verdict::kPassed) return;
  const char* const kind = test.verdict == Verdict::kSkipped  ? "skipped"
                           : test.verdict == Verdict::kFailed ? "failure"
                                                              : "error";
  pugi::xml_node outcome = element.append_child(kind);
  set(outcome, "message", message_of(test));
  if (test.verdict != Verdict::kSkipped) outcome.text().set(xml_text(test.log).c_str());
}

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

std::string junit_report(const std::string& set_name, const std::vector<SuiteRun>& runs) {
  pugi::xml_document document;
  pugi::xml_node suites = document.append_child("testsuites");
  set(suites, "name", set_name);
  set(suites, counts_of(runs));
  for (const SuiteRun& run : runs) {
    TestCounts counts;
    counts.add(run.result);
    pugi::xml_node suite = suites.append_child("testsuite");
    set(suite, "name", run.result.name);
    set(suite, counts);
    set(suite, "time", fmt::format("{:.3f}", run.seconds));
    add_tests(suite, run.result, "");
  }
  std::ostringstream text;
  document.save(text, "  ", pugi::format_default, pugi::encoding_utf8);
  return text.str();
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
