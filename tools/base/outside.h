// SPDX-License-Identifier: GPL-2.0
//
// A process that is forked before the sandbox is entered, and does afterwards what is no longer
// possible inside: a few things that were settled before anything of an image was read.
#ifndef LKL_TOOL_OUTSIDE_H
#define LKL_TOOL_OUTSIDE_H

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace lkl::tool {

// Move-only. The process ends with this object, or with the process that made it. It has none of
// the open files, and says nothing: neither a lock nor the reader of a pipe is kept by it.
class Outside {
 public:
  // Returns a descriptor that run() is to return, or -1. May throw Failure.
  using Step = std::function<int()>;

  // Forks: to be called before the kernel is booted, and while there is one thread.
  // Throws std::system_error.
  explicit Outside(std::vector<Step> steps);
  Outside(Outside&& other) noexcept;
  Outside& operator=(Outside&&) = delete;
  ~Outside();

  // Has the step done over there, and waits. Throws Failure: what it threw, or that the process is
  // gone. The descriptor is the caller's.
  int run(std::size_t step);

 private:
  class Helper;
  std::unique_ptr<Helper> helper_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_OUTSIDE_H
