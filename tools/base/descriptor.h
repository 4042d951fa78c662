// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_DESCRIPTOR_H
#define LKL_TOOL_DESCRIPTOR_H

#include <string>
#include <utility>

namespace lkl::tool {

// An open file of the host, closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  // -1, what a call returns that has failed, is none.
  explicit Descriptor(int fd) : fd_(fd) {}
  // The same, but throws std::system_error of errno for -1.
  Descriptor(int fd, const std::string& what);
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  // Keeps errno.
  void reset() noexcept;

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor out;  // to read from
  Descriptor in;
};

// Both close on exec. They throw std::system_error.
Pipe make_pipe();
Descriptor make_memory_file(const char* name);

// Makes the file, if it is not there, and takes its lock (flock(2)), which goes with the
// descriptor: none if somebody else has it. Throws std::system_error if the file cannot be opened.
Descriptor try_lock_file(const std::string& path);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DESCRIPTOR_H
