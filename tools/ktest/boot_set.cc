// SPDX-License-Identifier: GPL-2.0
#include "ktest/boot_set.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <lkl.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "ktest/boot_verdict.h"
#include "ktest/forked_jobs.h"
#include "ktest/kernel_log.h"
#include "lkl_build_info.h"

namespace lkl::tool {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr char kRunFile[] = "/debugfs/lkl/boottest";
// test_meminit tests it.
constexpr char kWords[] = "init_on_alloc=1";
// Torture tests have no end by themselves. What a name of no type makes them say is the names.
struct Torture {
  const char* module;
  const char* parameters;  // besides those that all of them have
  bool typed;
};
constexpr Torture kTortures[] = {
    {"rcutorture", "", true},
    {"locktorture", "", true},
    {"scftorture", "scftorture.holdoff=0", false},
};

// What is left out fails on purpose: it asks for what can't be had. And a million times is for who
// measures.
struct ModuleParameters {
  std::string_view module;
  const char* parameters;
};
constexpr ModuleParameters kParameters[] = {
    {"test_vmalloc", "test_vmalloc.test_loop_count=1000 test_vmalloc.run_test_mask=1983"},
};

std::string parameters_of(std::string_view module) {
  const auto found = std::find_if(std::begin(kParameters), std::end(kParameters),
                                  [&](const ModuleParameters& p) { return p.module == module; });
  return found == std::end(kParameters) ? "" : found->parameters;
}

enum class Kind { kBoot, kAlgorithms, kModule, kTorture };

struct BootTest {
  Kind kind;
  std::string name;
  std::string module = {};
  std::string parameters = {};
};

// What is written for it to the file that runs tests.
std::string words_for(const BootTest& test) {
  return test.parameters.empty() ? test.module : test.module + " " + test.parameters;
}

// Goes through all there is, for minutes; gets ten times the time of the others.
constexpr std::string_view kLongest = "test_rslib";
constexpr double kLongestFactor = 10;

const Torture* torture_of(std::string_view module) {
  const auto found = std::find_if(std::begin(kTortures), std::end(kTortures),
                                  [&](const Torture& t) { return t.module == module; });
  return found == std::end(kTortures) ? nullptr : found;
}

// Runs an initcall that was held back; its result.
long run_module(const std::string& words) {
  const int fd = static_cast<int>(lkl_sys_open(kRunFile, LKL_O_WRONLY, 0));
  if (fd < 0) return fd;
  const long result = lkl_sys_write(fd, words.data(), words.size());
  lkl_sys_close(fd);
  return std::min(result, 0L);
}

void mount_debugfs() {
  char name[] = "debugfs";
  lkl_mount_fs(name);
}

void wait_for_halt() {
  struct __lkl__kernel_timespec second = {.tv_sec = 1, .tv_nsec = 0};
  while (lkl_sys_nanosleep(&second, nullptr) != -LKL_ESHUTDOWN) {
  }
}

std::chrono::milliseconds limit(double seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(Seconds(seconds));
}

class BootSet : public TestSet {
 public:
  BootSet(std::uint64_t memory, const TestOptions& options) : memory_(memory), options_(options) {
    find_tests();
    if (tests_.empty())
      throw UsageFailure(
          fmt::format("--filter {}: no test has such a name; 'lkl test boot --list' shows them",
                      options.filter));
  }

  std::size_t size() const override { return tests_.size(); }

  void print_list(bool as_json) const override {
    Json json = Json::array();
    for (const BootTest& test : tests_) {
      if (as_json)
        json.push_back(
            {{"name", test.name}, {"slow", test.kind == Kind::kTorture || test.name == kLongest}});
      else
        fmt::print("{}{}\n", test.name, test.kind == Kind::kTorture ? " (for --seconds)" : "");
    }
    if (as_json) print_json(json);
  }

  std::vector<SuiteRun> run(const std::function<void(const SuiteRun&)>& ended) override {
    std::vector<SuiteRun> runs(tests_.size());
    const auto take = [&](std::size_t number, const JobOutcome& outcome) {
      runs[number].seconds = outcome.duration.count();
      runs[number].result = judge(tests_[number], outcome);
      ended(runs[number]);
    };
    std::vector<ForkedJob> jobs;
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < tests_.size(); i++) {
      const BootTest& test = tests_[i];
      if (test.kind == Kind::kBoot) {
        take(i, boot_);
        continue;
      }
      numbers.push_back(i);
      jobs.push_back(
          {[this, &test](int output) { return work(test, output); }, limit(seconds_for(test))});
    }
    run_forked(jobs, options_.parallel,
               [&](std::size_t job, const JobOutcome& outcome) { take(numbers[job], outcome); });
    return runs;
  }

 private:
  // The first boot is in a process of its own: if the kernel does not boot, that is the result.
  void find_tests() {
    add({Kind::kBoot, "boot"});
    const ForkedJob boot = {[this](int output) {
                              log_to(output);
                              kernel_ = boot_for_tests(memory_, kWords);
                              log_to(-1);
                              return 0;
                            },
                            limit(options_.timeout)};
    run_forked({boot}, 1, [&](std::size_t, JobOutcome outcome) { boot_ = std::move(outcome); });
    if (boot_.signal != 0 || boot_.timed_out) {
      tests_.assign(1, {Kind::kBoot, "boot"});
      return;
    }
    const std::string text = boot_and_read();
    if (text.empty())
      throw Failure(fmt::format(
          "this library is not built with the kernel's boot tests (its profile is {}): build the "
          "preset 'boottests' (cmake --preset boottests && cmake --build --preset boottests) and "
          "use that one's lkl",
          LKL_PROFILE));
    if (lkl_sys_access("/proc/crypto", LKL_F_OK) == 0) add({Kind::kAlgorithms, "crypto"});
    for (const std::string_view line : lines_of(text)) {
      const std::string module(line.substr(0, line.find(' ')));
      if (torture_of(module) != nullptr || module == "tcrypt") continue;
      if (module == kLongest && options_.skip_slow) continue;
      add({Kind::kModule, module, module, parameters_of(module)});
    }
    if (options_.skip_slow) return;
    for (const Torture& torture : kTortures)
      if (text.find(fmt::format("{} ", torture.module)) != std::string::npos) add_torture(torture);
  }

  std::string boot_and_read() {
    const BootLog log;
    kernel_ = boot_for_tests(memory_, fmt::format("{} cryptomgr.notests=1", kWords));
    mount_debugfs();
    mount_proc();
    return read_kernel_file(kRunFile);
  }

  static void mount_proc() {
    char name[] = "proc";
    lkl_mount_fs(name);
  }

  void add(BootTest test) {
    if (options_.filter.empty() || fnmatch(options_.filter.c_str(), test.name.c_str(), 0) == 0)
      tests_.push_back(std::move(test));
  }

  void add_torture(const Torture& torture) {
    const std::string common =
        fmt::format("{0}.shutdown_secs={1} {0}.stat_interval={1} {0}.verbose=0 {2}", torture.module,
                    std::max(1L, std::lround(options_.seconds)), torture.parameters);
    if (!torture.typed) {
      add({Kind::kTorture, torture.module, torture.module, common});
      return;
    }
    for (const std::string& type : torture_types(torture))
      add({Kind::kTorture, fmt::format("{}-{}", torture.module, type), torture.module,
           fmt::format("{} {}.torture_type={}", common, torture.module, type)});
  }

  std::vector<std::string> torture_types(const Torture& torture) {
    std::vector<std::string> types;
    const ForkedJob ask = {[&](int output) {
                             log_to(output);
                             run_module(fmt::format("{0} {0}.torture_type=?", torture.module));
                             return 0;
                           },
                           std::chrono::seconds(30)};
    run_forked({ask}, 1, [&](std::size_t, JobOutcome outcome) {
      types = read_torture_types(outcome.output);
    });
    return types;
  }

  double seconds_for(const BootTest& test) const {
    if (test.name == kLongest) return options_.timeout * kLongestFactor;
    return options_.timeout + (test.kind == Kind::kTorture ? options_.seconds : 0);
  }

  // In the fork.
  int work(const BootTest& test, int output) {
    switch (test.kind) {
      case Kind::kAlgorithms:
        return run_algorithms(output);
      case Kind::kModule:
        log_to(output);
        write_to_log(fmt::format("{}{}\n", kResultLine, run_module(words_for(test))));
        return 0;
      case Kind::kTorture:
        log_to(output);
        if (run_module(words_for(test)) == 0) wait_for_halt();
        return 0;
      case Kind::kBoot:
        break;
    }
    return 1;
  }

  // Boots a kernel that tests its algorithms. What has no instance yet gets one, and with it its
  // test.
  int run_algorithms(int output) {
    // the farewell of this one is no result
    log_to(-1);
    kernel_.halt();
    log_to(output);
    kernel_ = boot_for_tests(memory_, kWords);
    mount_debugfs();
    mount_proc();
    run_module("tcrypt");
    write_to_log(fmt::format("{}\n{}", kAlgorithmsLine, read_kernel_file("/proc/crypto")));
    return 0;
  }

  TestResult judge(const BootTest& test, const JobOutcome& outcome) const {
    const ProcessEnd end = {outcome.exit_status, outcome.signal, outcome.timed_out,
                            seconds_for(test)};
    switch (test.kind) {
      case Kind::kBoot:
        return judge_boot(test.name, outcome.output, end);
      case Kind::kAlgorithms:
        return judge_algorithms(test.name, outcome.output, end);
      case Kind::kModule:
        return judge_module(test.name, outcome.output, end);
      case Kind::kTorture:
        break;
    }
    return judge_torture(test.name, outcome.output, end);
  }

  std::uint64_t memory_;
  TestOptions options_;
  Kernel kernel_;
  JobOutcome boot_;
  std::vector<BootTest> tests_;
};

}  // namespace

std::vector<std::string> read_torture_types(std::string_view log) {
  constexpr std::string_view kTypes = "torture types:";
  std::vector<std::string> types;
  const std::size_t at = log.find(kTypes);
  if (at == std::string_view::npos) return types;
  // on the same line, or one on each of the next, which begin with a blank
  bool first = true;
  for (const std::string_view line : lines_of(log.substr(at + kTypes.size()))) {
    if (!std::exchange(first, false) && !line.starts_with(' ')) break;
    std::size_t begin = 0;
    while ((begin = line.find_first_not_of(' ', begin)) != std::string_view::npos) {
      const std::size_t end = std::min(line.find(' ', begin), line.size());
      const std::string_view type = line.substr(begin, end - begin);
      if (type.find("busted") == std::string_view::npos) types.emplace_back(type);
      begin = end;
    }
  }
  return types;
}

std::unique_ptr<TestSet> make_boot_set(std::uint64_t memory, const TestOptions& options) {
  return std::make_unique<BootSet>(memory, options);
}

}  // namespace lkl::tool
