// SPDX-License-Identifier: GPL-2.0
#include "support/kernel_test.h"

#include <cstdio>
#include <mutex>
#include <vector>

#include "support/child.h"
#include "support/complaint.h"

namespace lkl_test {
namespace {

std::mutex log_mutex;
std::vector<std::string> expected;

// The status of a child in which the kernel has complained.
constexpr int kComplained = 119;

int judge_child(int status) {
  const std::string complaint = complaint_in_log();
  if (complaint.empty()) return status;
  std::fprintf(stderr, "in a child: %s\n%s\n", complaint.c_str(), kernel_log().c_str());
  return kComplained;
}

// Of all tests, whatever their fixtures are.
class ComplaintListener : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override {
    expected.clear();
    kernel_log().clear();
  }
  void OnTestEnd(const ::testing::TestInfo&) override {
    const std::string complaint = complaint_in_log();
    if (!complaint.empty())
      ADD_FAILURE() << "the kernel complained: " << complaint << "\n" << kernel_log();
  }
};

// From the program's start on.
[[maybe_unused]] const bool listening = [] {
  child_judge = judge_child;
  ::testing::UnitTest::GetInstance()->listeners().Append(new ComplaintListener);
  return true;
}();

}  // namespace

std::string& kernel_log() {
  static std::string log;
  return log;
}

void keep_log(const char* text, int length) {
  const std::lock_guard lock(log_mutex);
  kernel_log().append(text, length);
}

std::string complaint_in_log() {
  const std::lock_guard lock(log_mutex);  // the kernel may be there, and write
  return find_complaint(kernel_log(), expected);
}

void expect_complaint(const std::string& words) {
  expected.push_back(words);
}

std::string read_kernel_file(const char* path) {
  std::string text;
  const int fd = static_cast<int>(lkl_sys_open(path, LKL_O_RDONLY, 0));
  if (fd < 0) return text;
  char chunk[4096];
  long count;
  while ((count = lkl_sys_read(fd, chunk, sizeof chunk)) > 0)
    text.append(chunk, static_cast<size_t>(count));
  lkl_sys_close(fd);
  return text;
}

std::pair<int, int> kernel_version() {
  lkl_new_utsname name = {};
  std::pair<int, int> version;
  EXPECT_EQ(lkl_sys_uname(&name), 0);
  EXPECT_EQ(std::sscanf(name.release, "%d.%d", &version.first, &version.second), 2);
  return version;
}

long write_kernel_file(const char* path, const std::string& text) {
  const int fd = static_cast<int>(lkl_sys_open(path, LKL_O_WRONLY, 0));
  if (fd < 0) return fd;
  const long count = lkl_sys_write(fd, text.data(), text.size());
  lkl_sys_close(fd);
  return count < 0 ? count : 0;
}

}  // namespace lkl_test
