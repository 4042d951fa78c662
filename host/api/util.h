// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>

#include "lkl.h"

namespace lkl {

// An open file of the kernel, closed at the end of the scope.
class KernelFile final {
 public:
  // A negative error number instead of a descriptor is kept as it is.
  explicit KernelFile(lkl_long fd) : fd_(fd) {}
  ~KernelFile() {
    if (fd_ >= 0) lkl_sys_close(static_cast<unsigned>(fd_));
  }
  KernelFile(const KernelFile&) = delete;
  KernelFile& operator=(const KernelFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return static_cast<int>(fd_); }
  int error() const { return fd_ < 0 ? static_cast<int>(fd_) : 0; }

 private:
  const lkl_long fd_;
};

// The content of a small file (of sysfs or proc); 0 or an error.
int read_small_file(const char* path, std::string& content);
// Writes it all at once; 0 or an error.
int write_small_file(const char* path, const std::string& content);
// The calling thread sleeps in the kernel.
void sleep_ms(unsigned ms);

// "ENOENT" for 2 or -2.
const char* error_name(int error);

}  // namespace lkl
