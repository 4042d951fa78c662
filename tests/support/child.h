// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace lkl_test {

// What becomes of a child's exit status: kernel_test.cc looks at the kernel's log.
inline int (*child_judge)(int status) = nullptr;

// Exit status of `body` in a child; it must not use gtest's asserts.
inline int in_child(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    const int status = body();
    _exit(child_judge ? child_judge(status) : status);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace lkl_test
