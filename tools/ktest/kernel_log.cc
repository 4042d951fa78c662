// SPDX-License-Identifier: GPL-2.0
#include "ktest/kernel_log.h"

#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "lkl_build_info.h"

namespace lkl::tool {

namespace {

// KTAP is of priority "info".
constexpr int kLoglevel = 7;

// By itself KASAN reports once: what it says of the boot, or of one test, would be all of it.
constexpr char kAllReports[] = "kasan_multi_shot ";

bool has_kasan() {
  return std::string_view(LKL_CHECKERS).find(" kasan ") != std::string_view::npos;
}

// Where the log goes is asked for by a plain function, hence no member.
std::atomic<int> log_fd{-1};

// Whose text a panic shows.
const BootLog* current_log = nullptr;

}  // namespace

int log_to(int fd) {
  return log_fd.exchange(fd);
}

// May run on a small stack of the kernel's.
void write_to_log(std::string_view text) {
  const int fd = log_fd.load(std::memory_order_relaxed);
  while (!text.empty() && fd >= 0) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

BootLog::BootLog() : file_(make_memory_file("kernel log")) {
  log_fd = file_.get();
  current_log = this;
  lkl_host_ops.panic = [] {
    const std::string text = current_log ? current_log->text() : std::string();
    print_error(fmt::format("lkl: the kernel panicked while it booted:\n{}", text));
  };
}

BootLog::~BootLog() {
  lkl_host_ops.panic = nullptr;
  current_log = nullptr;
  log_fd = -1;
}

std::string BootLog::text() const {
  std::string out;
  char chunk[16384];
  ssize_t n;
  while ((n = ::pread(file_.get(), chunk, sizeof(chunk), static_cast<off_t>(out.size()))) > 0)
    out.append(chunk, static_cast<std::size_t>(n));
  return out;
}

Kernel boot_for_tests(std::uint64_t memory, const std::string& words) {
  BootOptions options;
  options.memory = memory;
  options.loglevel = kLoglevel;
  options.command_line = fmt::format("printk.time=0 {}{}", has_kasan() ? kAllReports : "", words);
  options.print = write_to_log;
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

std::string read_kernel_file(const char* path) {
  std::string text;
  const int fd = static_cast<int>(lkl_sys_open(path, LKL_O_RDONLY, 0));
  if (fd < 0) return text;
  char chunk[4096];
  long n;
  while ((n = lkl_sys_read(fd, chunk, sizeof(chunk))) > 0)
    text.append(chunk, static_cast<std::size_t>(n));
  lkl_sys_close(fd);
  return text;
}

}  // namespace lkl::tool
