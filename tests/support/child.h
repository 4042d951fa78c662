// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <functional>

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace lkl_test {

// What becomes of a child's exit status: kernel_test.cc looks at the kernel's log.
inline int (*child_judge)(int status) = nullptr;

#if !defined(_WIN32)  // which has no fork()

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

#endif

}  // namespace lkl_test
