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
  tool::Pipe pipe = tool::make_pipe();
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (child > 0) {
    pipe.in.reset();
    char byte;
    ssize_t n;
    do n = read(pipe.out.get(), &byte, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : wait_for(child));
  }
  parent_ = std::move(pipe.in);
  null_ = tool::Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC));
}

void Daemon::ready(int errors) {
  if (!parent_) return;
  setsid();
  (void)!chdir("/");
  if (null_) {
    dup2(null_.get(), STDIN_FILENO);
    dup2(null_.get(), STDOUT_FILENO);
    dup2(errors >= 0 ? errors : null_.get(), STDERR_FILENO);
    null_.reset();
  }
  (void)!write(parent_.get(), "", 1);
  parent_.reset();
  detached_ = true;
}

}  // namespace lkl::fuse
