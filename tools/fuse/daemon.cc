// SPDX-License-Identifier: GPL-2.0
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>

namespace lkl::fuse {

namespace {

int wait_for(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void Daemon::start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe");
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (child > 0) {
    close(ends[1]);
    char byte;
    ssize_t n;
    do n = read(ends[0], &byte, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : wait_for(child));
  }
  close(ends[0]);
  parent_ = ends[1];
  null_ = open("/dev/null", O_RDWR | O_CLOEXEC);
}

void Daemon::ready(int errors) {
  if (parent_ < 0) return;
  setsid();
  (void)!chdir("/");
  if (null_ >= 0) {
    dup2(null_, STDIN_FILENO);
    dup2(null_, STDOUT_FILENO);
    dup2(errors >= 0 ? errors : null_, STDERR_FILENO);
    close(null_);
  }
  (void)!write(parent_, "", 1);
  close(parent_);
  parent_ = -1;
  detached_ = true;
}

}  // namespace lkl::fuse
