// SPDX-License-Identifier: GPL-2.0
#include "preload/beside.h"

#include <sys/wait.h>

#include "preload/descriptors.h"
#include "preload/family.h"
#include "preload/forks.h"
#include "preload/kernel.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/processes.h"
#include "preload/say.h"
#include "preload/serving.h"
#include "preload/threads.h"
#include "run/stand_in.h"

namespace lkl::preload {

namespace {

bool any_stays() {
  for (int fd = 0; fd <= highest_entry(); fd++) {
    const Owner owner = entry_of(fd).owner();
    if ((owner == Owner::kKernel || owner == Owner::kServed) &&
        (libc().fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
      return true;
  }
  return false;
}

// What the program has had here, so that nobody waits for the end of a pipe. Errors are told still.
void let_go_of_descriptors() {
  const int nothing = libc().open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO})
    if (nothing >= 0) copy_number(nothing, fd, 0);
  close_range_of(STDERR_FILENO + 1, ~0U, 0);
}

void forget_handlers() {
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  for (const int signal : tool::served::kForwarded) libc().sigaction(signal, &by_default, nullptr);
  libc().sigaction(SIGCHLD, &by_default, nullptr);
}

// Its status, when it has ended. The terminal's signals have reached it already.
int hand_on_signals(pid_t child) {
  sigset_t set = tool::served::forwarded_signals();
  ::sigaddset(&set, SIGCHLD);
  libc().pthread_sigmask(SIG_BLOCK, &set, nullptr);
  forget_handlers();
  int status = 0;
  for (;;) {
    // one that has ended before its signal was blocked is seen, too
    if (::waitpid(child, &status, WNOHANG) != 0) break;
    siginfo_t info = {};
    const int signal = ::sigwaitinfo(&set, &info);
    if (signal > 0 && signal != SIGCHLD && info.si_code <= 0) ::kill(child, signal);
  }
  return status;
}

}  // namespace

bool is_kernel_kept() {
  return !is_child() && (has_children() || was_used_by_children() || any_stays());
}

bool can_execute_beside() {
  struct stat tasks = {};
  // each is a folder in there
  return ::stat("/proc/self/task", &tasks) == 0 &&
         static_cast<int>(tasks.st_nlink) - 2 - librarys_threads() <= 1;
}

namespace {

// Else it would come here again.
bool can_be_served() {
  if (join_parent()) return true;
  say("what it executes cannot be served, as nobody may look into it");
  errno = EACCES;
  return false;
}

}  // namespace

int execute_beside(const char* file, char* const* words, char* const* variables) {
  pid_t child = -1;
  {
    Report report;
    errno = report.error();
    if (errno == 0) child = ::fork();
    if (child < 0) return -1;
    if (child == 0) {
      if (can_be_served()) execute(file, words, variables);
      report.fail(errno);
    }
    if (const int error = report.heard()) {
      ::waitpid(child, nullptr, 0);
      errno = error;
      return -1;
    }
  }
  let_go_of_descriptors();
  const int status = hand_on_signals(child);
  end_kernel();
  libc()._exit(tool::served::end_as(status));
  __builtin_unreachable();
}

}  // namespace lkl::preload
