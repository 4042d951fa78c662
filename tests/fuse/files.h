// SPDX-License-Identifier: GPL-2.0
//
// Files of the mount, by the host's calls.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace lkl_fuse_test {

inline int make(const char* path, const std::string& text = {}) {
  const int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0644);
  EXPECT_GE(fd, 0) << path << " " << errno;
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return fd;
}

inline void put(const char* path, const std::string& text) {
  close(make(path, text));
}

inline std::string get(const char* path) {
  const int fd = open(path, O_RDONLY);
  if (fd < 0) return "error " + std::to_string(errno);
  std::string text(1 << 20, '\0');
  const ssize_t n = read(fd, text.data(), text.size());
  close(fd);
  text.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return text;
}

inline struct stat status_of(const char* path) {
  struct stat status = {};
  EXPECT_EQ(lstat(path, &status), 0) << path;
  return status;
}

}  // namespace lkl_fuse_test
