// SPDX-License-Identifier: GPL-2.0
#include <algorithm>
#include <string>

#include "api/util.h"
#include "lkl.h"

int lkl_sysctl(const char* path, const char* value) {
  return lkl::host::or_no_memory([&] {
    if (const int error = lkl_mount_fs("proc"); error < 0) return error;
    std::string file = path;
    std::ranges::replace(file, '.', '/');
    return lkl::host::write_small_file(("/proc/sys/" + file).c_str(), value);
  });
}

int lkl_sysctl_parse_write(const char* sysctls) {
  return lkl::host::for_each_pair(sysctls, "sysctl", [](const std::string& key, const char* value) {
    return lkl_sysctl(key.c_str(), value);
  });
}

int lkl_set_fd_limit(unsigned int fd_limit) {
  lkl_rlimit limit = {};
  limit.rlim_cur = fd_limit;
  limit.rlim_max = fd_limit;
  return static_cast<int>(lkl_sys_setrlimit(LKL_RLIMIT_NOFILE, &limit));
}
