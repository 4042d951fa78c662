// SPDX-License-Identifier: GPL-2.0
#include <algorithm>
#include <string>

#include "api/util.h"
#include "lkl.h"

int lkl_sysctl(const char* path, const char* value) {
  char name[] = "proc";
  if (const int error = lkl_mount_fs(name); error < 0) return error;
  std::string file = path;
  for (char& c : file)
    if (c == '.') c = '/';
  return lkl::write_small_file(("/proc/sys/" + file).c_str(), value);
}

void lkl_sysctl_parse_write(const char* sysctls) {
  const std::string text = sysctls;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find(';', start), text.size());
    const std::string entry = text.substr(start, end - start);
    start = end + 1;
    if (entry.empty()) continue;
    const size_t bar = entry.find('|');
    if (bar == std::string::npos) {
      lkl_printf("lkl: sysctl \"%s\": must be key|value\n", entry.c_str());
      continue;
    }
    const std::string key = entry.substr(0, bar);
    if (const int error = lkl_sysctl(key.c_str(), entry.substr(bar + 1).c_str()))
      lkl_printf("lkl: sysctl %s: %s\n", key.c_str(), lkl_strerror(error));
  }
}

int lkl_set_fd_limit(unsigned int fd_limit) {
  lkl_rlimit limit = {};
  limit.rlim_cur = fd_limit;
  limit.rlim_max = fd_limit;
  return static_cast<int>(lkl_sys_setrlimit(LKL_RLIMIT_NOFILE, &limit));
}
