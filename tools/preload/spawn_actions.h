// SPDX-License-Identifier: GPL-2.0
//
// What a child does with its descriptors before it becomes another program. The C library tells
// nobody what is in its posix_spawn_file_actions_t, so it is kept here, too.
#ifndef LKL_TOOL_PRELOAD_SPAWN_ACTIONS_H
#define LKL_TOOL_PRELOAD_SPAWN_ACTIONS_H

#include <spawn.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace lkl::preload {

struct Action {
  enum class Kind { kOpen, kClose, kCopy, kGoTo, kGoToOpened, kCloseFrom, kToForeground };
  Kind kind;
  int fd = -1;
  int number = -1;  // of a copy
  std::string path = {};
  int flags = 0;
  mode_t mode = 0;
};
using Actions = std::vector<Action>;

// Those of an object, or nullptr if they were added past us.
const Actions* actions_of(const posix_spawn_file_actions_t* object);
// As the C library's child does them. False with errno.
bool act(const Actions& actions);
// That number is to be the same, and for another program, too.
bool put_at(int fd, int number);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_SPAWN_ACTIONS_H
