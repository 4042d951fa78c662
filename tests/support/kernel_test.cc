// SPDX-License-Identifier: GPL-2.0
#include "support/kernel_test.h"

#include <mutex>

namespace lkl_test {
namespace {

std::mutex log_mutex;

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
  for (const char* bad : {"WARNING: ", "BUG: ", "UBSAN: ", "ODEBUG: ", "INFO: task",
                          "possible recursive locking", "suspicious RCU", "Call trace of"})
    if (kernel_log().find(bad) != std::string::npos) return bad;
  return "";
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

long write_kernel_file(const char* path, const std::string& text) {
  const int fd = static_cast<int>(lkl_sys_open(path, LKL_O_WRONLY, 0));
  if (fd < 0) return fd;
  const long count = lkl_sys_write(fd, text.data(), text.size());
  lkl_sys_close(fd);
  return count < 0 ? count : 0;
}

}  // namespace lkl_test
