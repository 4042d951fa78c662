// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace lkl_test {

// Exit status of `body` in a child; it must not use gtest's asserts.
inline int in_child(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    _exit(body());
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace lkl_test
