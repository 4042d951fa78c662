// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include "lkl.h"

namespace lkl::host {

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

// For functions of the C interface, which no exception may leave.
template <typename Body>
auto or_no_memory(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return -LKL_ENOMEM;
  }
}

// The content of a small file (of sysfs or proc); 0 or an error.
int read_small_file(const char* path, std::string& content);
// The folder of sysfs for the virtio device of this irq, which mounts it at /sysfs. 0 or an error:
// -LKL_ENODEV if there is none.
int find_virtio_device(int irq, std::string& path);
// The entry of a folder whose name begins so; empty if there is none. std::bad_alloc.
std::string find_entry(const std::string& path, const char* prefix);

// Writes it all at once; 0 or an error.
int write_small_file(const char* path, const std::string& content);

// For each line, or what else stands between separators; nothing of memory. `take` says whether
// to go on.
template <typename Take>
void for_each_piece(std::string_view text, char separator, Take take) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
    if (!take(piece)) return;
  }
}

// For each "key|value" of a text in which ';' stands between them. What is none, or fails, is
// printed as what it is (`kind`), and the rest goes on. 0 or the first error.
template <typename Set>
int for_each_pair(std::string_view text, const char* kind, Set set) {
  return or_no_memory([&] {
    int first = 0;
    for_each_piece(text, ';', [&](std::string_view piece) {
      if (piece.empty()) return true;
      const std::string entry(piece);
      const size_t bar = entry.find('|');
      const int error = bar == std::string::npos
                            ? -LKL_EINVAL
                            : set(entry.substr(0, bar), entry.c_str() + bar + 1);
      if (error)
        lkl_printf("lkl: %s \"%s\": %s\n", kind, entry.c_str(),
                   bar == std::string::npos ? "must be key|value" : lkl_strerror(error));
      if (error && !first) first = error;
      return true;
    });
    return first;
  });
}

// The calling thread sleeps in the kernel.
void sleep_ms(unsigned ms);
// The kernel's CLOCK_MONOTONIC.
uint64_t kernel_clock_ms();
// Waits until there is something to read: 1, 0 if the time is over, or an error.
int wait_readable(int fd, uint64_t until_ms);

// "ENOENT" for 2 or -2.
const char* error_name(int error);

}  // namespace lkl::host
