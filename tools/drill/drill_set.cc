// SPDX-License-Identifier: GPL-2.0
#include "drill/drill_set.h"

#include <errno.h>
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <lkl.hpp>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "drill/guest.h"
#include "drill/known.h"
#include "drill/parser.h"
#include "drill/runner.h"
#include "drill/user_packetdrill.h"
#include "ktest/checker_report.h"
#include "ktest/coverage.h"
#include "ktest/forked_jobs.h"
#include "ktest/kernel_log.h"
#include "lkl_build_info.h"

namespace lkl::tool {

namespace {

namespace fs = std::filesystem;
using drill::Family;
using drill::Script;
using drill::Settings;
using Seconds = std::chrono::duration<double>;

constexpr char kScripts[] = "tools/testing/selftests/net/packetdrill";
// Begins the lines of a child that are not the kernel's.
constexpr std::string_view kOurLine = "packetdrill: ";
// Exit statuses of children, as RunReport has them.
constexpr int kPassed = 0, kDiffered = 3, kDoubtfulTimes = 4, kDoubtfulPackets = 5;

// So often a script is run that fails while the host has no time for it.
unsigned tries_of(int status) {
  return status == kDoubtfulTimes ? 10 : status == kDoubtfulPackets ? 2 : 1;
}

struct Test {
  std::string name;
  std::optional<Script> script;
  std::string wrong;    // why there is no script
  std::string skipped;  // why it does not run
};

Test read_test(const fs::path& path) {
  Test test;
  test.name = path.stem();
  try {
    test.script = drill::read_script(path);
  } catch (const drill::ScriptError& error) {
    test.wrong = error.what();
  }
  return test;
}

// What the child has said, and the kernel.
struct Said {
  std::string ours, kernels;
};

Said split_log(std::string_view log) {
  Said said;
  for (const std::string_view line : lines_of(log)) {
    const bool ours = line.starts_with(kOurLine);
    std::string& to = ours ? said.ours : said.kernels;
    to += line.substr(ours ? kOurLine.size() : 0);
    to += '\n';
  }
  return said;
}

void say(std::string_view message) {
  for (const std::string_view line : lines_of(message))
    write_to_log(fmt::format("{}{}\n", kOurLine, line));
}

class DrillSet : public TestSet {
 public:
  DrillSet(std::uint64_t memory, const TestOptions& options, std::vector<Test> tests)
      : options_(options),
        families_(drill::parse_families(options.family)),
        tests_(std::move(tests)) {
    for (const Family family : families_) settings_for(family);
    std::erase_if(tests_, [&](const Test& test) {
      return !options_.filter.empty() &&
             fnmatch(options_.filter.c_str(), test.name.c_str(), 0) != 0;
    });
    if (tests_.empty())
      throw UsageFailure(fmt::format("--filter {}: no script has such a name", options.filter));
    if (!options_.packetdrill.empty()) users_.emplace(options_.packetdrill);
    const BootLog log;
    kernel_ = boot_for_tests(memory, "");
    char proc[] = "proc";
    lkl_mount_fs(proc);
    if (lkl_sys_access("/proc/sys/net/ipv4", LKL_F_OK) != 0)
      throw Failure(fmt::format("this library has no network (its profile is {})", LKL_PROFILE));
  }

  std::size_t size() const override { return tests_.size(); }

  void print_list(bool as_json) const override {
    Json json = Json::array();
    for (const Test& test : tests_) {
      if (as_json) {
        json.push_back({{"name", test.name}, {"tests", Json::array()}});
        for (const Family family : families_)
          json.back()["tests"].push_back(drill::family_name(family));
        if (!test.skipped.empty()) json.back()["skipped"] = test.skipped;
        continue;
      }
      fmt::print("{}{}\n", test.name,
                 test.skipped.empty() ? "" : fmt::format(" (does not run: {})", test.skipped));
    }
    if (as_json) print_json(json);
  }

  // Those that are known not to pass.
  void skip_known() {
    for (Test& test : tests_) test.skipped = drill::why_not(test.name, drill::guest_ticks());
  }

  std::vector<SuiteRun> run(const std::function<void(const SuiteRun&)>& ended) override {
    std::vector<SuiteRun> runs(tests_.size());
    std::vector<std::size_t> left(tests_.size(), families_.size());
    std::vector<ForkedJob> jobs;
    std::vector<std::pair<std::size_t, std::size_t>> numbers;
    for (std::size_t i = 0; i < tests_.size(); i++) {
      runs[i].result.name = tests_[i].name;
      if (!tests_[i].wrong.empty() || !tests_[i].skipped.empty()) {
        runs[i].result.verdict = tests_[i].wrong.empty() ? Verdict::kSkipped : Verdict::kFailed;
        runs[i].result.reason = tests_[i].wrong.empty() ? tests_[i].skipped : tests_[i].wrong;
        ended(runs[i]);
        continue;
      }
      runs[i].result.children.resize(families_.size());
      for (std::size_t family = 0; family < families_.size(); family++) {
        numbers.emplace_back(i, family);
        jobs.push_back({body(*tests_[i].script, families_[family]),
                        std::chrono::ceil<std::chrono::milliseconds>(Seconds(options_.timeout))});
      }
    }
    for (unsigned tries = 1; !jobs.empty(); tries++) {
      std::vector<ForkedJob> again;
      std::vector<std::pair<std::size_t, std::size_t>> again_numbers;
      run_forked(jobs, options_.parallel, [&](std::size_t job, const JobOutcome& outcome) {
        const auto [test, family] = numbers[job];
        SuiteRun& run = runs[test];
        run.seconds += outcome.duration.count();
        if (!users_ && tries < tries_of(outcome.exit_status)) {
          again.push_back(jobs[job]);
          again_numbers.push_back(numbers[job]);
          return;
        }
        run.result.children[family] = judge(families_[family], outcome);
        if (--left[test] > 0) return;
        run.result.verdict = worst_of(run.result.children);
        run.result.reported = fail_by_checker_reports(run.result);
        ended(run);
      });
      jobs = std::move(again);
      numbers = std::move(again_numbers);
    }
    return runs;
  }

 private:
  Settings settings_for(Family family) const {
    Settings settings(family);
    for (const auto& [name, value] : options_.drill) settings.take(name, value);
    return settings;
  }

  // What runs in a fork.
  std::function<int(int)> body(const Script& script, Family family) {
    if (!users_)
      return [this, &script, family](int output) { return work(script, family, output); };
    const std::vector<std::string> words =
        users_->command_line(script, settings_for(family), options_.drill);
    return [words](int output) {
      drill::UserPacketdrill::become(words, output);
      log_to(output);
      say(fmt::format("{}: {}", words[0], describe({errno, std::system_category()})));
      return kDiffered;
    };
  }
  int work(const Script& script, Family family, int output) {
    log_to(output);
    try {
      Settings settings = settings_for(family);
      settings.take(script);
      const drill::RunReport report = drill::run_script(script, settings);
      for (const std::string& message : report.messages) say(message);
      if (!options_.coverage.empty()) collect_coverage(options_.coverage);
      if (report.passed) return kPassed;
      switch (report.doubt) {
        case drill::RunReport::Doubt::kOfTimes:
          return kDoubtfulTimes;
        case drill::RunReport::Doubt::kOfPackets:
          return kDoubtfulPackets;
        case drill::RunReport::Doubt::kNone:
          break;
      }
      return kDiffered;
    } catch (const std::exception& error) {
      say(error.what());
      return kDiffered;
    }
  }

  TestResult judge(Family family, const JobOutcome& outcome) const {
    TestResult result;
    result.name = drill::family_name(family);
    Said said = split_log(outcome.output);
    const int status = outcome.exit_status;
    // the user's program has numbers of its own
    const bool differed =
        (status >= kDiffered && status <= kDoubtfulPackets) || (users_ && status != kPassed);
    const bool ended = outcome.signal == 0 && !outcome.timed_out && (status == kPassed || differed);
    if (!ended) {
      result.verdict = outcome.timed_out ? Verdict::kTimedOut : Verdict::kCrashed;
      result.reason =
          how_it_ended({outcome.exit_status, outcome.signal, outcome.timed_out, options_.timeout});
    } else if (differed) {
      result.verdict = Verdict::kFailed;
    }
    result.log = said.ours + said.kernels;
    return result;
  }

  TestOptions options_;
  std::vector<Family> families_;
  std::vector<Test> tests_;
  Kernel kernel_;
  std::optional<drill::UserPacketdrill> users_;
};

}  // namespace

std::unique_ptr<TestSet> make_drill_set(std::uint64_t memory, const TestOptions& options) {
  if (options.scripts.empty()) throw UsageFailure("test packetdrill: which script is to run?");
  std::vector<Test> tests;
  for (const std::string& path : options.scripts) tests.push_back(read_test(path));
  return std::make_unique<DrillSet>(memory, options, std::move(tests));
}

std::unique_ptr<TestSet> make_net_set(std::uint64_t memory, const TestOptions& options) {
  if (!options.scripts.empty())
    throw UsageFailure(
        "test net: it runs the scripts of the kernel tree; 'lkl test packetdrill' runs yours");
  const fs::path folder = fs::path(LKL_KERNEL_TREE) / kScripts;
  std::vector<fs::path> paths;
  std::error_code ec;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ec))
    if (entry.path().extension() == ".pkt") paths.push_back(entry.path());
  if (paths.empty())
    throw Failure(fmt::format("{}: there are no scripts of packetdrill in this kernel tree",
                              folder.string()));
  std::sort(paths.begin(), paths.end());
  std::vector<Test> tests;
  for (const fs::path& path : paths) tests.push_back(read_test(path));
  auto set = std::make_unique<DrillSet>(memory, options, std::move(tests));
  set->skip_known();
  return set;
}

}  // namespace lkl::tool
