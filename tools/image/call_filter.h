// SPDX-License-Identifier: GPL-2.0
//
// What a process may still ask the host's kernel for: seccomp filters, and the lists of calls that
// our own sandbox and that of the programs we start have in common.
#ifndef LKL_TOOL_CALL_FILTER_H
#define LKL_TOOL_CALL_FILTER_H

#include <linux/filter.h>
#include <seccomp.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

namespace lkl::tool {

// A condition on an argument. All bits count: what has more in the upper half is not the same.
scmp_arg_cmp is(unsigned argument, std::uint64_t value);
scmp_arg_cmp bits_are(unsigned argument, std::uint64_t mask, std::uint64_t value);

// What is not allowed fails with EPERM. Throws Failure.
class CallFilter {
 public:
  CallFilter();

  void allow(std::span<const int> calls);
  // All conditions have to hold; what is allowed twice, by one set of them or the other, is
  // allowed.
  void allow_if(int call, std::vector<scmp_arg_cmp> conditions);
  void kill(std::span<const int> calls);
  // With this argument it is allowed, with any other deadly.
  void allow_only(int call, unsigned argument, std::uint64_t value);
  void refuse(int call, int error);

  // On what is open, on memory, threads, signals to the process itself, and time: of no use to get
  // anything new. `process`: the number of that which is to be confined.
  void allow_what_is_open(std::uint64_t process);
  // Where files of the host are read by name; opening is dealt with apart.
  void allow_reading_names();

  // For this process, and all its threads. False if the kernel has no filters.
  bool load();
  // As the kernel takes it.
  std::vector<sock_filter> program();

 private:
  void add(std::uint32_t action, int call, const std::vector<scmp_arg_cmp>& conditions);

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_CALL_FILTER_H
