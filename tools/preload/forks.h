// SPDX-License-Identifier: GPL-2.0
//
// What threads share and a child of fork() has to find whole, and what a child says to its parent.
#ifndef LKL_TOOL_PRELOAD_FORKS_H
#define LKL_TOOL_PRELOAD_FORKS_H

#include <memory>
#include <mutex>

#include "preload/inside.h"

namespace lkl::preload {

extern std::mutex between_forks;

// No thread is in fork() meanwhile. For a few steps that ask for no memory: who is to make a
// process may have the allocator's locks when it waits for this. Nothing that the kernel calls
// waits for it, as fork() waits for the kernel.
class BetweenForks {
 public:
  BetweenForks() : lock_(between_forks) {}

 private:
  const Inside inside_;
  const std::lock_guard<std::mutex> lock_;
};

// By a pipe, of which a program that the child becomes has nothing. Children that other threads
// make have none of its ends: it would not end before they do.
class Report {
 public:
  Report();
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  // Why there is none, or 0.
  int error() const { return error_; }
  // Waits until the child is another program, or none. Its error, or 0.
  int heard();
  // Of the child, which ends.
  [[noreturn]] void fail(int error);

  struct Ends;

 private:
  void close_end();

  int error_;
  std::unique_ptr<Ends> ends_;
  Ends* before_;
};

// In the child of a fork: whether it has this one for what it says.
bool is_end_of_report(int fd);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_FORKS_H
