// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>
#include <utility>

namespace lkl::host {

// An open file of the host, closed with its owner.
class Descriptor final {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void reset();

 private:
  int fd_ = -1;
};

enum class Access { kRead, kReadWrite, kAppend };

// A file of the host by its path; kAppend makes it, or empties it. 0 or -errno.
int open_file(const std::string& path, Access access, Descriptor& file);

}  // namespace lkl::host
