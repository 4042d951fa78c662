// SPDX-License-Identifier: GPL-2.0
//
// The variables by which a program has the library. What they were when that came is kept: a
// program may empty its environment.
#ifndef LKL_TOOL_PRELOAD_ENVIRONMENT_H
#define LKL_TOOL_PRELOAD_ENVIRONMENT_H

#include <string>
#include <string_view>
#include <vector>

namespace lkl::preload {

// The value of one of these, or nullptr.
const char* our_variable(const char* name);

// What a program gives another for its environment has to have these: without, that would use the
// host's network.
class WithOurs {
 public:
  explicit WithOurs(char* const* given);
  char* const* get() const { return all_.data(); }

 private:
  char** find(std::string_view name);
  void add(char* ours);
  void add_library(std::string_view ours);

  std::string both_;
  std::vector<char*> all_;
};

// The library's own programs (passt) have the host's network: nothing is loaded in front of them.
class WithoutOurs {
 public:
  explicit WithoutOurs(char* const* given);
  char* const* get() const { return all_.data(); }

 private:
  std::string others_;
  std::vector<char*> all_;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_ENVIRONMENT_H
