// SPDX-License-Identifier: GPL-2.0
//
// lkl test
#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <thread>

#include "commands.h"
#include "coverage.h"
#include "forked_jobs.h"
#include "format.h"
#include "json.h"
#include "kunit.h"
#include "test_build.h"
#include "test_report.h"

namespace lkl::tool {

namespace {

using Seconds = std::chrono::duration<double>;

struct TestOptions {
  std::string set;
  std::string filter;
  bool list = false;
  bool skip_slow = false;
  bool json = false;
  std::string junit;
  std::string ktap;
  std::string profile;
  std::string coverage;
  std::string path;
  double timeout = 120;
  unsigned parallel = 0;
  TestBuild build;
};

void write_file(const std::string& path, const std::string& text) {
  if (path == "-") {
    fwrite(text.data(), 1, text.size(), stdout);
    return;
  }
  const auto close = [](FILE* file) { fclose(file); };
  const std::unique_ptr<FILE, decltype(close)> file(fopen(path.c_str(), "we"), close);
  if (!file || fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      fflush(file.get()) != 0)
    throw std::system_error(errno, std::system_category(), path);
}

// What is seen while the suites run: a line for each that has ended, and how far it is.
class Screen {
 public:
  Screen(const TestOptions& options, const CommonOptions& common, std::size_t total)
      : total_(total),
        out_(options.json || options.ktap == "-" ? stderr : stdout),
        quiet_(common.quiet),
        verbose_(common.verbose > 0),
        terminal_(!common.quiet && isatty(STDERR_FILENO) != 0) {}
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() { clear(); }

  void show(const SuiteRun& run) {
    ended_++;
    clear();
    const bool good = is_good(run.result.verdict);
    if (!good || !quiet_) {
      TestCounts counts;
      counts.add(run.result);
      fmt::print(out_, "{:<9} {:<40} {}\n", good ? verdict_name(run.result.verdict) : "FAILED",
                 run.result.name, summary(run, counts));
    }
    if (!good) show_failures(run.result, "");
    if (good && verbose_) show_tests(run.result, 1);
    fflush(out_);
    draw();
  }

  void show_sum(const std::vector<SuiteRun>& runs, double seconds) {
    clear();
    TestCounts counts;
    for (const SuiteRun& run : runs) counts.add(run.result);
    const auto failed = std::count_if(
        runs.begin(), runs.end(), [](const SuiteRun& run) { return !is_good(run.result.verdict); });
    fmt::print(
        out_, "{} suites ({} failed), {} tests: {} passed, {} failed, {} skipped, {:.1f} s\n",
        runs.size(), failed, counts.total(), counts.passed, counts.failed, counts.skipped, seconds);
  }

 private:
  static std::string summary(const SuiteRun& run, const TestCounts& counts) {
    std::string text = fmt::format("{:>4} tests", counts.total());
    if (counts.failed != 0) text += fmt::format(", {} failed", counts.failed);
    if (counts.skipped != 0) text += fmt::format(", {} skipped", counts.skipped);
    text += fmt::format(", {:.2f} s", run.seconds);
    if (!run.result.reason.empty())
      text += fmt::format(" ({})", printable(run.result.reason, true));
    return text;
  }

  void show_log(const std::string& log) {
    std::size_t at = 0;
    while (at < log.size()) {
      const std::size_t end = std::min(log.find('\n', at), log.size());
      fmt::print(out_, "      | {}\n", printable(log.substr(at, end - at), true));
      at = end + 1;
    }
  }

  void show_failures(const TestResult& result, const std::string& path) {
    bool explained = false;
    for (const TestResult& child : result.children) {
      if (is_good(child.verdict)) continue;
      explained = true;
      show_failures(child, path.empty() ? child.name : path + "/" + child.name);
    }
    if (explained) return;
    if (!path.empty())
      fmt::print(out_, "    {}: {}{}\n", verdict_name(result.verdict), printable(path, true),
                 result.reason.empty() ? "" : " (" + printable(result.reason, true) + ")");
    show_log(result.log);
  }

  void show_tests(const TestResult& result, unsigned depth) {
    for (const TestResult& child : result.children) {
      fmt::print(out_, "{:{}}{} {}\n", "", 4 * depth, verdict_name(child.verdict),
                 printable(child.name, true));
      show_tests(child, depth + 1);
    }
  }

  void draw() {
    if (!terminal_ || ended_ == total_) return;
    fmt::print(stderr, "\r\x1b[K[{}/{}]", ended_, total_);
    fflush(stderr);
    drawn_ = true;
  }

  void clear() {
    if (!std::exchange(drawn_, false)) return;
    fmt::print(stderr, "\r\x1b[K");
    fflush(stderr);
  }

  std::size_t total_;
  std::size_t ended_ = 0;
  FILE* out_;
  bool quiet_;
  bool verbose_;
  bool terminal_;
  bool drawn_ = false;
};

std::vector<const KunitSuite*> choose(const KunitKernel& kernel, const TestOptions& options) {
  const KunitFilter filter(options.filter);
  std::vector<const KunitSuite*> chosen;
  for (const KunitSuite& suite : kernel.suites())
    if (filter.matches(suite)) chosen.push_back(&suite);
  if (chosen.empty())
    throw UsageFailure(fmt::format(
        "--filter {}: no suite has such a name; 'lkl test list' shows them", options.filter));
  return chosen;
}

void print_list(const std::vector<const KunitSuite*>& suites, const TestOptions& options) {
  Json json = Json::array();
  for (const KunitSuite* suite : suites) {
    if (options.json) {
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
  if (options.json) print_json(json);
}

// Runs suites, each in a fork of this process and with it of the kernel.
class Runner {
 public:
  Runner(KunitKernel& kernel, const TestOptions& options, Screen& screen)
      : kernel_(kernel), options_(options), screen_(screen), filter_(options.filter) {}

  // In the order given.
  std::vector<SuiteRun> run(const std::vector<const KunitSuite*>& suites) {
    // The long ones first: others fill the gaps meanwhile.
    std::vector<std::size_t> order(suites.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_partition(order.begin(), order.end(),
                          [&](std::size_t i) { return suites[i]->slow; });
    std::vector<ForkedJob> jobs;
    for (const std::size_t i : order) jobs.push_back(job(*suites[i], filter_));

    std::vector<SuiteRun> runs(suites.size());
    std::vector<std::size_t> broken_off;
    run_forked(jobs, options_.parallel, [&](std::size_t number, JobOutcome outcome) {
      const std::size_t i = order[number];
      // With a filter of tests nobody knows which should have run.
      const bool all = filter_.test.empty();
      runs[i] = judge(suites[i]->name, all ? suites[i]->tests : std::vector<std::string>(),
                      std::move(outcome));
      if (all && runs[i].ktap.empty())
        broken_off.push_back(i);
      else
        screen_.show(runs[i]);
    });
    for (const std::size_t i : broken_off) {
      run_rest(*suites[i], runs[i]);
      screen_.show(runs[i]);
    }
    return runs;
  }

 private:
  ForkedJob job(const KunitSuite& suite, const KunitFilter& filter) const {
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
  void run_rest(const KunitSuite& suite, SuiteRun& run) const {
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

  KunitKernel& kernel_;
  const TestOptions& options_;
  Screen& screen_;
  KunitFilter filter_;
};

// What the lkl that was built is to do: the same, but for the building.
std::vector<std::string> words_of(const TestOptions& options, const CommonOptions& common) {
  std::vector<std::string> words = {"test", options.set};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  const auto add_flag = [&](const char* option, bool set) {
    if (set) words.emplace_back(option);
  };
  add("--filter", options.filter);
  add("--junit", options.junit);
  add("--ktap", options.ktap);
  add("--profile", options.profile);
  add("--coverage", options.coverage);
  add("--path", options.path);
  add("--timeout", fmt::format("{}", options.timeout));
  add("--jobs", options.parallel == 0 ? "" : fmt::format("{}", options.parallel));
  add("--mem", fmt::format("{}K", common.memory / 1024));
  add_flag("--list", options.list);
  add_flag("--skip-slow", options.skip_slow);
  add_flag("--json", options.json);
  add_flag("--quiet", common.quiet);
  add_flag("--verbose", common.verbose > 0);
  return words;
}

void run_test(TestOptions options, Context& context) {
  if (options.set != "kunit" && options.set != "list")
    throw UsageFailure(fmt::format("test {}: there are 'kunit' and 'list'", options.set));
  if (!(options.timeout > 0))
    throw UsageFailure("--timeout: a number of seconds above 0 is needed");
  if (!options.path.empty() && options.coverage.empty())
    throw UsageFailure("--path: say by --coverage DIR where the report is to go");
  options.build.checkers = checkers_of(options.profile);
  if (!options.coverage.empty()) options.build.checkers.emplace_back("gcov");
  if (needs_build(options.build)) build_and_run(options.build, words_of(options, context.options));
  if (options.parallel == 0) options.parallel = std::max(1u, std::thread::hardware_concurrency());
  const auto start = std::chrono::steady_clock::now();

  KunitKernel kernel(context.options.memory);
  const std::vector<const KunitSuite*> suites = choose(kernel, options);
  if (options.list || options.set == "list") {
    print_list(suites, options);
    return;
  }
  if (!options.coverage.empty()) begin_coverage(options.coverage, options.path);
  std::vector<SuiteRun> runs;
  {
    Screen screen(options, context.options, suites.size());
    runs = Runner(kernel, options, screen).run(suites);
    screen.show_sum(runs, Seconds(std::chrono::steady_clock::now() - start).count());
  }
  if (!options.ktap.empty()) write_file(options.ktap, ktap_report(runs));
  if (!options.junit.empty()) write_file(options.junit, junit_report(runs));
  if (options.json) print_json(json_report(runs));
  if (!options.coverage.empty())
    fmt::print(stderr, "{}\n", report_coverage(options.coverage, options.path));
  if (!std::all_of(runs.begin(), runs.end(),
                   [](const SuiteRun& run) { return is_good(run.result.verdict); }))
    context.exit = kExitFailed;
}

}  // namespace

Run add_test(CLI::App& parser) {
  auto options = std::make_shared<TestOptions>();
  parser.add_option("set", options->set, "kunit: run the kernel's KUnit suites; list: show them")
      ->type_name("kunit|list")
      ->required();
  parser.add_option("--filter", options->filter, "Only these: SUITE or SUITE.TEST, with * ? []")
      ->type_name("GLOB");
  parser.add_flag("--list", options->list, "Show what would run");
  parser.add_flag("--skip-slow", options->skip_slow, "Skip tests that say they are slow");
  parser.add_option("--ktap", options->ktap, "Write all results as KTAP (-: standard output)")
      ->type_name("FILE");
  parser.add_option("--junit", options->junit, "Write all results as JUnit XML")->type_name("FILE");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  parser.add_option("--timeout", options->timeout, "Seconds that a suite may take (120)")
      ->type_name("N");
  parser.add_option("-j,--jobs", options->parallel, "Suites at the same time (as processors)")
      ->type_name("N");
  parser
      .add_option("--tree", options->build.tree, "First build the library from this kernel source")
      ->type_name("DIR");
  parser
      .add_option("--config", options->build.config,
                  "First build the library with these options, too (a .kunitconfig)")
      ->type_name("FILE");
  parser
      .add_option("--profile", options->profile,
                  "With checkers in the kernel (first builds the library with them if it has to): "
                  "lockdep, kasan, ubsan, kmemleak, gcov")
      ->type_name("CHECKER[,...]");
  parser
      .add_option("--coverage", options->coverage,
                  "Show which lines of the kernel have run: HTML and lcov.info in this folder")
      ->type_name("DIR");
  parser.add_option("--path", options->path, "Coverage of this folder or file of the kernel tree")
      ->type_name("PATH");
  parser.add_option("--build", options->build.folder, "Where to build (a folder in ~/.cache)")
      ->type_name("DIR");
  return [options](Context& context) { run_test(*options, context); };
}

}  // namespace lkl::tool
