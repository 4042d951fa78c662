// SPDX-License-Identifier: GPL-2.0
#include "ktest/kunit_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "ktest/coverage.h"
#include "ktest/forked_jobs.h"
#include "ktest/kunit.h"

namespace lkl::tool {

namespace {

using Seconds = std::chrono::duration<double>;

class KunitSet : public TestSet {
 public:
  KunitSet(std::uint64_t memory, const TestOptions& options)
      : kernel_(memory), options_(options), filter_(options.filter) {
    for (const KunitSuite& suite : kernel_.suites())
      if (filter_.matches(suite)) suites_.push_back(&suite);
    if (suites_.empty())
      throw UsageFailure(fmt::format(
          "--filter {}: no suite has such a name; 'lkl test list' shows them", options.filter));
  }

  std::size_t size() const override { return suites_.size(); }

  void print_list(bool as_json) const override {
    Json json = Json::array();
    for (const KunitSuite* suite : suites_) {
      if (as_json) {
        json.push_back({{"name", suite->name},
                        {"tests", suite->tests},
                        {"slow", suite->slow},
                        {"while_boot", suite->while_boot}});
        continue;
      }
      fmt::print("{}{}{}\n", suite->name, suite->slow ? " (slow)" : "",
                 suite->while_boot ? " (while a kernel boots)" : "");
      for (const std::string& test : suite->tests) fmt::print("{}.{}\n", suite->name, test);
    }
    if (as_json) print_json(json);
  }

  std::vector<SuiteRun> run(const std::function<void(const SuiteRun&)>& ended) override {
    // The long ones first: others fill the gaps meanwhile.
    std::vector<std::size_t> order(suites_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_partition(order.begin(), order.end(),
                          [&](std::size_t i) { return suites_[i]->slow; });
    std::vector<ForkedJob> jobs;
    for (const std::size_t i : order) jobs.push_back(job(*suites_[i], filter_));

    std::vector<SuiteRun> runs(suites_.size());
    std::vector<std::size_t> broken_off;
    run_forked(jobs, options_.parallel, [&](std::size_t number, JobOutcome outcome) {
      const std::size_t i = order[number];
      // With a filter of tests nobody knows which should have run.
      const bool all = filter_.test.empty();
      runs[i] = judge(suites_[i]->name, all ? suites_[i]->tests : std::vector<std::string>(),
                      std::move(outcome));
      if (all && runs[i].ktap.empty())
        broken_off.push_back(i);
      else
        ended(runs[i]);
    });
    for (const std::size_t i : broken_off) {
      run_rest(*suites_[i], runs[i]);
      ended(runs[i]);
    }
    return runs;
  }

 private:
  ForkedJob job(const KunitSuite& suite, const KunitFilter& filter) {
    return {[this, &suite, filter](int output) {
              const int status = kernel_.run(suite, filter, options_.skip_slow, output);
              if (!options_.coverage.empty()) collect_coverage(options_.coverage);
              return status;
            },
            std::chrono::ceil<std::chrono::milliseconds>(Seconds(options_.timeout))};
  }

  SuiteRun judge(const std::string& name, const std::vector<std::string>& tests,
                 JobOutcome outcome) const {
    SuiteRun run;
    run.seconds = outcome.duration.count();
    run.result =
        judge_suite(name, tests, outcome.output,
                    {outcome.exit_status, outcome.signal, outcome.timed_out, options_.timeout});
    const Verdict verdict = run.result.verdict;
    if (verdict != Verdict::kCrashed && verdict != Verdict::kTimedOut && !run.result.reported)
      run.ktap = std::move(outcome.output);
    return run;
  }

  // The tests that did not come to run since one before them took the kernel with it: each by
  // itself.
  void run_rest(const KunitSuite& suite, SuiteRun& run) {
    std::vector<std::string> rest;
    for (const std::string& test : suite.tests)
      if (std::none_of(run.result.children.begin(), run.result.children.end(),
                       [&](const TestResult& result) { return result.name == test; }))
        rest.push_back(test);
    std::vector<ForkedJob> jobs;
    for (const std::string& test : rest) {
      KunitFilter filter("");
      filter.test = escape_glob(test);
      jobs.push_back(job(suite, filter));
    }
    std::vector<TestResult> results(rest.size());
    run_forked(jobs, options_.parallel, [&](std::size_t number, JobOutcome outcome) {
      SuiteRun one = judge(suite.name, {rest[number]}, std::move(outcome));
      run.seconds += one.seconds;
      if (!one.result.children.empty())
        results[number] = std::move(one.result.children[0]);
      else
        results[number] = std::move(one.result);
      results[number].name = rest[number];
    });
    std::move(results.begin(), results.end(), std::back_inserter(run.result.children));
  }

  KunitKernel kernel_;
  TestOptions options_;
  KunitFilter filter_;
  std::vector<const KunitSuite*> suites_;
};

}  // namespace

std::unique_ptr<TestSet> make_kunit_set(std::uint64_t memory, const TestOptions& options) {
  return std::make_unique<KunitSet>(memory, options);
}

}  // namespace lkl::tool
