// SPDX-License-Identifier: GPL-2.0
//
// Called as the program that serves an image, it tries what such a one must not do, says on
// standard error what came of it, and fails. See intruder.cc for the environment.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "intruder_report.h"

namespace {

// Nothing is refused to root for lack of a right: it must not be root.
long is_root() {
  errno = EPERM;
  return geteuid() == 0 || getegid() == 0 ? 0 : -1;
}

}  // namespace

int main() {
  report_fd = STDERR_FILENO;
  const std::string directory = getenv("INTRUDER_DIRECTORY");
  const std::string file = directory + "/file", other = directory + "/other";
  const char* const f = file.c_str();
  const char* const o = other.c_str();
  const pid_t victim = atoi(getenv("INTRUDER_VICTIM"));
  TRY(is_root());
  for (int fd = 4; fd < 64; fd++)
    if (fcntl(fd, F_GETFD) >= 0) fprintf(stderr, "ALLOWED descriptor %d\n", fd);
  for (const char* name :
       {f, "/etc/shadow", "/proc/self/mem", "/proc/self/environ", "/root", "/dev/fuse", "/dev/mem"})
    note(name, open(name, O_RDONLY));
  TRY(open(f, O_WRONLY));
  TRY(open(o, O_WRONLY | O_CREAT, 0600));
  TRY(open("/tmp", O_RDWR | O_TMPFILE, 0600));
  TRY(truncate(f, 0));
  TRY(unlink(f));
  TRY(rename(f, o));
  TRY(symlink(f, o));
  TRY(mkdir(o, 0700));
  TRY(chmod(f, 0777));
  TRY(chown(f, 1, 1));
  TRY(kill(victim, SIGKILL));
  TRY(kill(getppid(), SIGKILL));
  TRY(syscall(SYS_tgkill, victim, victim, SIGKILL));
  TRY(syscall(SYS_pidfd_open, victim, 0));
  TRY(ptrace(PTRACE_ATTACH, victim, nullptr, nullptr));
  TRY(syscall(SYS_process_vm_readv, victim, nullptr, 0, nullptr, 0, 0));
  int ends[2];
  TRY(pipe2(ends, O_NONBLOCK) == 0 ? fcntl(ends[0], F_SETOWN, victim) : -1);
  TRY(fcntl(ends[0], F_SETSIG, SIGKILL));
  TRY(fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK));
  TRY(ioctl(ends[0], FIOASYNC, &victim));
  TRY(execl("/bin/true", "true", nullptr));
  TRY(fork());
  TRY(unshare(CLONE_NEWUSER));
  TRY(setuid(0));
  TRY(syscall(SYS_io_uring_setup, 4, nullptr));
  TRY(syscall(SYS_bpf, 0, nullptr, 0));
  TRY(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
          ? -1
          : 0);
  TRY(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  if (!getenv("INTRUDER_NETWORK"))
    for (const int family : {AF_INET, AF_UNIX, AF_NETLINK})
      note("socket", socket(family, SOCK_STREAM, 0));
  fprintf(stderr, "the end\n");
  return 1;
}
