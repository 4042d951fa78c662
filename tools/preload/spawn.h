// SPDX-License-Identifier: GPL-2.0
//
// Children that become another program. The C library makes them by itself, past us; here they
// are made by fork() and become it by our execve().
#ifndef LKL_TOOL_PRELOAD_SPAWN_H
#define LKL_TOOL_PRELOAD_SPAWN_H

#include <sched.h>
#include <signal.h>
#include <sys/types.h>

#include <functional>

namespace lkl::preload {

struct Program {
  const char* name;
  bool is_in_path;
  char* const* words;
  char* const* variables;
};

struct Attributes {
  int flags = 0;  // POSIX_SPAWN_...
  pid_t group = 0;
  sigset_t by_default = {}, mask = {};
  int policy = 0;
  sched_param parameters = {};

  bool has(int flag) const { return (flags & flag) != 0; }
};

// As posix_spawn(3). `prepare` is what the child does before; false with errno ends it.
int spawn(pid_t* process, const Program& program, const Attributes& attributes,
          const std::function<bool()>& prepare);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_SPAWN_H
