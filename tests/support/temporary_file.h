// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace lkl_test {

// A file of so many bytes that goes away with the object.
class TemporaryFile final {
 public:
  explicit TemporaryFile(uint64_t size, const std::string& folder = "/tmp")
      : path_(folder + "/lkl-file-XXXXXX"), fd_(mkostemp(path_.data(), O_CLOEXEC)) {
    if (fd_ < 0 || ftruncate(fd_, static_cast<off_t>(size)) != 0) std::abort();
  }
  ~TemporaryFile() {
    close(fd_);
    unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  int fd() const { return fd_; }
  // A descriptor of its own, the caller's to close; -1 if the host refuses.
  int open(int flags) const { return ::open(path_.c_str(), flags | O_CLOEXEC); }

 private:
  std::string path_;
  const int fd_;
};

}  // namespace lkl_test
