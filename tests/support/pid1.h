// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <lkl.h>

#include <cstdio>
#include <cstring>

namespace lkl_test {

// Number of tasks of pid 1: itself and one for each application thread. Wants /proc.
inline int threads_of_pid1() {
  char text[4096] = {};
  const int fd = static_cast<int>(lkl_sys_open("/proc/1/status", LKL_O_RDONLY, 0));
  if (fd < 0) return fd;
  lkl_sys_read(fd, text, sizeof text - 1);
  lkl_sys_close(fd);
  int count = -1;
  if (const char* line = std::strstr(text, "Threads:")) std::sscanf(line, "Threads: %d", &count);
  return count;
}

}  // namespace lkl_test
