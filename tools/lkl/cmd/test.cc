// SPDX-License-Identifier: GPL-2.0
//
// lkl test
#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <thread>

#include "base/json.h"
#include "drill/drill_set.h"
#include "ktest/boot_set.h"
#include "ktest/coverage.h"
#include "ktest/kunit_set.h"
#include "ktest/test_build.h"
#include "ktest/test_report.h"
#include "ktest/test_screen.h"
#include "lkl/commands.h"

namespace lkl::tool {

namespace {

using Seconds = std::chrono::duration<double>;

struct Options : TestOptions {
  std::string set;
  bool list = false;
  bool json = false;
  std::string junit;
  std::string ktap;
  std::string profile;
  std::string path;
  TestBuild build;
};

// The kinds of tests.
struct Kind {
  const char* name;
  const char* profile;  // the library that has them all
  std::unique_ptr<TestSet> (*make)(std::uint64_t memory, const TestOptions& options);
};
constexpr Kind kKinds[] = {
    {"kunit", "kunit", make_kunit_set},
    {"boot", "boottests", make_boot_set},
    {"net", "nettests", make_net_set},
    {"packetdrill", "nettests", make_drill_set},
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

// What the lkl that was built is to do: the same, but for the building.
std::vector<std::string> words_of(const Options& options, const SessionOptions& common) {
  std::vector<std::string> words = {"test", options.set};
  words.insert(words.end(), options.scripts.begin(), options.scripts.end());
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
  add("--family", options.family);
  add("--packetdrill", options.packetdrill);
  for (const auto& [name, value] : options.drill) add(("--" + name).c_str(), value);
  add("--path", options.path);
  add("--timeout", fmt::format("{}", options.timeout));
  add("--seconds", fmt::format("{}", options.seconds));
  add("--jobs", options.parallel == 0 ? "" : fmt::format("{}", options.parallel));
  add("--mem", fmt::format("{}K", common.memory / 1024));
  add_flag("--list", options.list);
  add_flag("--skip-slow", options.skip_slow);
  add_flag("--json", options.json);
  add_flag("--quiet", common.quiet);
  add_flag("--verbose", common.verbose > 0);
  return words;
}

void run_test(Options options, Context& context) {
  const std::string name = options.set == "list" ? "kunit" : options.set;
  const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                 [&](const Kind& k) { return k.name == name; });
  if (kind == std::end(kKinds))
    throw UsageFailure(fmt::format(
        "test {}: there are 'kunit', 'boot', 'net', 'packetdrill' and 'list'", options.set));
  if (!(options.timeout > 0))
    throw UsageFailure("--timeout: a number of seconds above 0 is needed");
  if (!(options.seconds >= 1)) throw UsageFailure("--seconds: 1 or more is needed");
  if (!options.path.empty() && options.coverage.empty())
    throw UsageFailure("--path: say by --coverage DIR where the report is to go");
  if (!options.coverage.empty() && name == "boot")
    throw UsageFailure("--coverage: is for kunit, net and packetdrill");
  const bool drills = name == "net" || name == "packetdrill";
  if (!options.coverage.empty() && !options.packetdrill.empty())
    throw UsageFailure("--coverage: not of what --packetdrill runs");
  if (!drills && !options.scripts.empty())
    throw UsageFailure(fmt::format("test {}: {} is too much; scripts are for 'test packetdrill'",
                                   name, options.scripts[0]));
  options.build.checkers = checkers_of(options.profile);
  if (!options.coverage.empty()) options.build.checkers.emplace_back("gcov");
  if (needs_build(options.build))
    build_and_run(options.build, kind->profile, words_of(options, context.options));
  if (options.build.only) return;
  if (options.parallel == 0) options.parallel = std::max(1u, std::thread::hardware_concurrency());
  const auto start = std::chrono::steady_clock::now();

  const std::unique_ptr<TestSet> tests = kind->make(context.options.memory, options);
  if (options.list || options.set == "list") {
    tests->print_list(options.json);
    return;
  }
  if (!options.coverage.empty()) begin_coverage(options.coverage, options.path);
  std::vector<SuiteRun> runs;
  {
    TestScreen screen(options.json || options.ktap == "-" ? stderr : stdout, context.options.quiet,
                      context.options.verbose > 0, tests->size());
    runs = tests->run([&](const SuiteRun& run) { screen.show(run); });
    screen.show_sum(runs, Seconds(std::chrono::steady_clock::now() - start).count());
  }
  if (!options.ktap.empty()) write_file(options.ktap, ktap_report(runs));
  if (!options.junit.empty()) write_file(options.junit, junit_report(name, runs));
  if (options.json) print_json(json_report(runs));
  if (!options.coverage.empty())
    fmt::print(stderr, "{}\n", report_coverage(options.coverage, options.path));
  if (!std::all_of(runs.begin(), runs.end(),
                   [](const SuiteRun& run) { return is_good(run.result.verdict); }))
    context.exit = kExitFailed;
}

}  // namespace

Run add_test(Parser parser) {
  auto options = std::make_shared<Options>();
  options->parallel = 0;
  parser
      .add_option("set", options->set,
                  "kunit: run the kernel's KUnit suites; boot: its other built-in tests; "
                  "net: the tree's scripts for packetdrill; packetdrill: the scripts that follow; "
                  "list: show the suites of kunit")
      .type_name("kunit|boot|net|packetdrill|list")
      .required();
  parser.add_option("script", options->scripts, "packetdrill: these scripts")
      .type_name("SCRIPT...");
  parser
      .add_option("--family", options->family,
                  "net, packetdrill: by ipv4, ipv4-mapped-ipv6, ipv6 or all of them (all)")
      .type_name("FAMILY");
  parser
      .add_option("--packetdrill", options->packetdrill,
                  "net, packetdrill: the scripts are run by this packetdrill of yours")
      .type_name("FILE");
  const auto add_drill = [&](const char* name, const char* type, const char* text) {
    parser
        .add_option_function(
            std::string("--") + name,
            [options, name](const std::string& value) { options->drill.emplace_back(name, value); },
            text)
        .type_name(type);
  };
  add_drill("tolerance_usecs", "N", "packetdrill: microseconds that a packet may be off (4000)");
  add_drill("non_fatal", "WHAT[,WHAT]",
            "packetdrill: tell of, but go on after, a packet or a syscall that differs");
  add_drill("define", "NAME=VALUE", "packetdrill: a name for a number in scripts");
  parser.add_option("--filter", options->filter, "Only these: SUITE or SUITE.TEST, with * ? []")
      .type_name("GLOB");
  parser.add_flag("--list", options->list, "Show what would run");
  parser.add_flag("--skip-slow", options->skip_slow, "Skip tests that say they are slow");
  parser
      .add_option("--seconds", options->seconds,
                  "boot: seconds for each torture test, which have no end by themselves (10)")
      .type_name("N");
  parser.add_option("--ktap", options->ktap, "Write all results as KTAP (-: standard output)")
      .type_name("FILE");
  parser.add_option("--junit", options->junit, "Write all results as JUnit XML").type_name("FILE");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  parser.add_option("--timeout", options->timeout, "Seconds that a suite may take (120)")
      .type_name("N");
  parser.add_option("-j,--jobs", options->parallel, "Suites at the same time (as processors)")
      .type_name("N");
  parser
      .add_option("--tree", options->build.tree, "First build the library from this kernel source")
      .type_name("DIR");
  parser
      .add_option("--config", options->build.config,
                  "First build the library with these options, too (a .kunitconfig)")
      .type_name("FILE");
  parser
      .add_option("--profile", options->profile,
                  "With checkers in the kernel (first builds the library with them if it has to): "
                  "lockdep, kasan, ubsan, kmemleak, gcov")
      .type_name("CHECKER[,...]");
  parser
      .add_option("--coverage", options->coverage,
                  "Show which lines of the kernel have run: HTML and lcov.info in this folder")
      .type_name("DIR");
  parser.add_option("--path", options->path, "Coverage of this folder or file of the kernel tree")
      .type_name("PATH");
  parser.add_option("--build", options->build.folder, "Where to build (a folder in ~/.cache)")
      .type_name("DIR");
  parser.add_flag("--build-only", options->build.only, "Build the library and stop");
  return [options](Context& context) { run_test(*options, context); };
}

}  // namespace lkl::tool
