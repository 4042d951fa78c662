// SPDX-License-Identifier: GPL-2.0
#include "kunit.h"

#include <errno.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "error.h"
#include "lkl_build_info.h"

namespace lkl::tool {

namespace {

// KTAP is of priority "info".
constexpr int kLoglevel = 7;
constexpr char kRunFile[] = "/debugfs/lkl/kunit";
constexpr char kSlowFilter[] = "speed>slow";

// Where the log goes is asked for by a plain function, hence no member.
std::atomic<int> log_fd{-1};

// Runs on a small stack of the kernel's.
void print_log(const char* text, int length) {
  const int fd = log_fd.load(std::memory_order_relaxed);
  while (length > 0 && fd >= 0) {
    const ssize_t n = ::write(fd, text, static_cast<std::size_t>(length));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text += n;
    length -= static_cast<int>(n);
  }
}

// A file in memory that takes the log of the boot.
class BootLog {
 public:
  BootLog() : fd_(memfd_create("kernel log", MFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::system_category(), "memory file for the log");
    log_fd = fd_;
    current = this;
    lkl_host_ops.panic = [] {
      const std::string text = current ? current->text() : std::string();
      fmt::print(stderr, "lkl: the kernel panicked while it booted:\n{}", text);
    };
  }
  BootLog(const BootLog&) = delete;
  BootLog& operator=(const BootLog&) = delete;
  ~BootLog() {
    lkl_host_ops.panic = nullptr;
    current = nullptr;
    log_fd = -1;
    ::close(fd_);
  }

  std::string text() const {
    std::string out;
    char chunk[16384];
    ssize_t n;
    while ((n = ::pread(fd_, chunk, sizeof(chunk), static_cast<off_t>(out.size()))) > 0)
      out.append(chunk, static_cast<std::size_t>(n));
    return out;
  }

 private:
  static inline BootLog* current = nullptr;
  int fd_;
};

Kernel boot(std::uint64_t memory, const std::string& words) {
  BootOptions options;
  options.memory = memory;
  options.loglevel = kLoglevel;
  options.command_line = "printk.time=0 " + words;
  options.print = print_log;
  return Kernel::boot(options);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Names may have blanks in them, so only what follows tells a suite from other messages.
bool is_test_of(std::string_view suite, std::string_view line) {
  return line.size() > suite.size() + 1 && line.starts_with(suite) && line[suite.size()] == '.';
}

// "# NAME: VALUE"
std::optional<std::pair<std::string_view, std::string_view>> attribute(std::string_view line) {
  if (!line.starts_with("# ")) return std::nullopt;
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  return std::pair{line.substr(2, colon - 2), line.substr(colon + 2)};
}

void take_attribute(KunitSuite& suite, std::string_view name, std::string_view value) {
  if (name == "is_init") suite.while_boot = value == "true";
  // of the suite, or TEST.speed
  if (name == "speed" || name.ends_with(".speed"))
    suite.slow = suite.slow || value == "slow" || value == "very_slow";
}

}  // namespace

std::vector<KunitSuite> read_suite_list(std::string_view log) {
  std::vector<KunitSuite> suites;
  const std::size_t begin = log.find("KTAP version ");
  if (begin == std::string_view::npos) return suites;
  const std::vector<std::string_view> lines = lines_of(log.substr(begin));
  const auto is_attribute = [](std::string_view line) { return attribute(line).has_value(); };
  for (auto line = lines.begin() + 1; line != lines.end(); ++line) {
    if (const auto known = attribute(*line)) {
      if (!suites.empty()) take_attribute(suites.back(), known->first, known->second);
      continue;
    }
    if (!suites.empty() && is_test_of(suites.back().name, *line)) {
      suites.back().tests.emplace_back(line->substr(suites.back().name.size() + 1));
      continue;
    }
    const auto next = std::find_if_not(line + 1, lines.end(), is_attribute);
    if (next == lines.end() || !is_test_of(*line, *next)) continue;
    suites.emplace_back();
    suites.back().name = *line;
  }
  return suites;
}

KunitFilter::KunitFilter(std::string_view text) {
  if (text.empty()) return;
  const std::size_t dot = text.find('.');
  suite = text.substr(0, dot);
  if (dot != std::string_view::npos) test = text.substr(dot + 1);
}

bool KunitFilter::matches(const KunitSuite& candidate) const {
  if (fnmatch(suite.c_str(), candidate.name.c_str(), 0) != 0) return false;
  return test.empty() ||
         std::any_of(candidate.tests.begin(), candidate.tests.end(), [&](const std::string& name) {
           return fnmatch(test.c_str(), name.c_str(), 0) == 0;
         });
}

std::string escape_glob(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

KunitKernel::KunitKernel(std::uint64_t memory) : memory_(memory) {
  const BootLog log;
  kernel_ = boot(memory, "kunit.enable=1 kunit.action=list_attr");
  suites_ = read_suite_list(log.text());
  if (suites_.empty())
    throw Failure(fmt::format(
        "this library is not built with KUnit (its profile is {}): build the preset 'kunit' "
        "(cmake --preset kunit && cmake --build --preset kunit) and use that one's lkl",
        LKL_PROFILE));
  char debugfs[] = "debugfs";
  lkl_mount_fs(debugfs);
  // An older tree has no runner: then each suite is run while a kernel boots.
  if (lkl_sys_access(kRunFile, LKL_F_OK) != 0)
    for (KunitSuite& suite : suites_) suite.while_boot = true;
}

int KunitKernel::run(const KunitSuite& suite, const KunitFilter& filter, bool skip_slow,
                     int output) {
  std::string words = suite.name;
  if (!filter.test.empty()) words += "." + filter.test;
  log_fd = output;
  if (suite.while_boot) return run_while_boot(words, skip_slow);
  if (skip_slow) words += fmt::format("\n{}", kSlowFilter);
  const int fd = static_cast<int>(lkl_sys_open(kRunFile, LKL_O_WRONLY, 0));
  return fd >= 0 && lkl_sys_write(fd, words.data(), words.size()) > 0 ? 0 : 1;
}

int KunitKernel::run_while_boot(const std::string& filter, bool skip_slow) {
  const int output = log_fd.exchange(-1);
  // the farewell of this one is no result
  kernel_.halt();
  log_fd = output;
  std::string words = fmt::format("kunit.enable=1 kunit.filter_glob=\"{}\"", filter);
  if (skip_slow) words += fmt::format(" kunit.filter={} kunit.filter_action=skip", kSlowFilter);
  kernel_ = boot(memory_, words);
  return 0;
}

}  // namespace lkl::tool
