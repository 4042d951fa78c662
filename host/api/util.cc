// SPDX-License-Identifier: GPL-2.0
#include "api/util.h"

namespace lkl::host {

int read_small_file(const char* path, std::string& content) {
  const KernelFile file(lkl_sys_open(path, LKL_O_RDONLY | LKL_O_CLOEXEC, 0));
  if (!file.is_open()) return file.error();
  char buffer[1024];
  content.clear();
  for (;;) {
    const lkl_long count = lkl_sys_read(file.fd(), buffer, sizeof buffer);
    if (count < 0) return static_cast<int>(count);
    if (count == 0) return 0;
    content.append(buffer, count);
  }
}

int write_small_file(const char* path, const std::string& content) {
  const KernelFile file(lkl_sys_open(path, LKL_O_WRONLY | LKL_O_CLOEXEC, 0));
  if (!file.is_open()) return file.error();
  const lkl_long count = lkl_sys_write(file.fd(), content.data(), content.size());
  return static_cast<int>(count < 0 ? count : 0);
}

void sleep_ms(unsigned ms) {
  __lkl__kernel_timespec ts = {};
  ts.tv_sec = ms / 1000;
  ts.tv_nsec = ms % 1000 * 1'000'000;
  lkl_sys_nanosleep(&ts, nullptr);
}

}  // namespace lkl::host
