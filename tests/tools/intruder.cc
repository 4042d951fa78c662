// SPDX-License-Identifier: GPL-2.0
//
// Somebody who has taken a process over: preloaded, it acts right after the sandbox was entered,
// and writes down each call that it tried and what came of it. Its orders are in the environment:
// INTRUDER_LOG (a file), INTRUDER_VICTIM (a process of the user), INTRUDER_DIRECTORY (of the user,
// nothing the command is about) and INTRUDER_WRITES (the command writes files of the host).
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "intruder_report.h"

namespace {

long exec_map(int flags) {
  return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, flags, -1, 0) == MAP_FAILED ? -1 : 0;
}

void try_names(const std::string& directory) {
  const std::string file = directory + "/file", other = directory + "/other";
  const char* const f = file.c_str();
  const char* const o = other.c_str();
  TRY(open(f, O_RDONLY));
  TRY(open(f, O_WRONLY));
  TRY(open(f, O_RDWR | O_TRUNC));
  TRY(open(o, O_WRONLY | O_CREAT, 0600));
  TRY(open(directory.c_str(), O_RDWR | O_TMPFILE, 0600));
  TRY(open(directory.c_str(), O_RDONLY | O_DIRECTORY));
  for (const char* name : {"/etc/shadow", "/proc/self/mem", "/proc/self/environ", "/dev/fuse",
                           "/proc/1/environ", "/root", "/dev/mem"})
    note(name, open(name, O_RDONLY));
  TRY(truncate(f, 0));
  TRY(unlink(f));
  TRY(rename(f, o));
  TRY(link(f, o));
  TRY(symlink(f, o));
  TRY(mkdir(o, 0700));
  TRY(mknod(o, S_IFIFO | 0600, 0));
  TRY(rmdir(directory.c_str()));
  TRY(syscall(SYS_openat2, AT_FDCWD, f, nullptr, 0));
  // Landlock does not know of these: limits.md.
  if (getenv("INTRUDER_WRITES")) return;
  TRY(chmod(f, 0777));
  TRY(fchmodat(AT_FDCWD, f, 0777, 0));
  TRY(chown(f, 1, 1));
  TRY(fchownat(AT_FDCWD, f, 1, 1, AT_SYMLINK_NOFOLLOW));
  TRY(utimensat(AT_FDCWD, f, nullptr, 0));
  TRY(setxattr(f, "user.x", "1", 1, 0));
}

void try_processes(pid_t victim) {
  TRY(kill(victim, SIGKILL));
  TRY(syscall(SYS_tkill, victim, SIGKILL));
  TRY(syscall(SYS_tgkill, victim, victim, SIGKILL));
  char info[128] = {};
  TRY(syscall(SYS_rt_sigqueueinfo, victim, SIGKILL, info));
  TRY(syscall(SYS_rt_tgsigqueueinfo, victim, victim, SIGKILL, info));
  TRY(syscall(SYS_prlimit64, victim, 7, nullptr, info));
  const std::string directory = "/proc/" + std::to_string(victim);
  const int process = open(directory.c_str(), O_PATH | O_DIRECTORY);
  TRY(syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0));
  TRY(syscall(SYS_setpriority, 0, victim, 19));
  TRY(syscall(SYS_sched_setaffinity, victim, 8, info));
  TRY(syscall(SYS_setpgid, victim, 0));
}

// A signal for data that arrives, to whom one likes.
void try_signals_by_io(pid_t victim) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK) != 0) return;
  TRY(fcntl(ends[0], F_SETOWN, victim));
  TRY(fcntl(ends[0], F_SETOWN_EX, nullptr));
  TRY(fcntl(ends[0], F_SETSIG, SIGKILL));
  TRY(fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK));
  TRY(ioctl(ends[0], FIOASYNC, &victim));
  TRY(ioctl(ends[0], FIOSETOWN, &victim));
  TRY(ioctl(ends[0], SIOCSPGRP, &victim));
  TRY(fcntl(ends[0], F_NOTIFY, 1));
  TRY(fcntl(ends[0], F_SETLEASE, F_RDLCK));
  (void)!write(ends[1], "x", 1);
}

void try_the_rest() {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET, 40 /* vsock */})
    note("socket", socket(family, SOCK_STREAM, 0));
  int pair[2];
  TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  sockaddr_un bus = {AF_UNIX, "/run/dbus/system_bus_socket"};
  const auto* const address = reinterpret_cast<const sockaddr*>(&bus);
  for (int fd = 0; fd < 40; fd++) {
    struct stat status = {};
    if (fd == report_fd || fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
    TRY(connect(fd, address, sizeof(bus)));
    TRY(bind(fd, address, sizeof(bus)));
    TRY(listen(fd, 1));
    TRY(sendto(fd, "x", 1, MSG_DONTWAIT, address, sizeof(bus)));
  }
  TRY(exec_map(MAP_PRIVATE | MAP_ANONYMOUS));
  TRY(mprotect(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096,
               PROT_READ | PROT_EXEC));
  TRY(syscall(SYS_pkey_mprotect, nullptr, 4096, PROT_READ, -1));
  TRY(syscall(SYS_personality, 0x0400000));
  TRY(syscall(SYS_shmget, 1, 4096, 01600));
  TRY(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  TRY(prctl(PR_SET_PTRACER, getppid(), 0, 0, 0));
  TRY(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  TRY(syscall(SYS_seccomp, 1, 0, nullptr));
  for (int fd = 0; fd < 3; fd++) {
    TRY(ioctl(fd, TIOCSTI, "x"));
    note("TIOCSTI with bits above", syscall(SYS_ioctl, fd, 0xffffffff00000000UL | TIOCSTI, "x"));
    TRY(ioctl(fd, FIFREEZE, 0));
    TRY(ioctl(fd, FICLONE, 0));
  }
  TRY(syscall(SYS_clone3, nullptr, 0));
  TRY(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

}  // namespace

extern "C" int seccomp_load(scmp_filter_ctx context) {
  const auto real = reinterpret_cast<int (*)(scmp_filter_ctx)>(dlsym(RTLD_NEXT, "seccomp_load"));
  const int result = real(context);
  if (report_fd < 0) return result;
  const pid_t victim = atoi(getenv("INTRUDER_VICTIM"));
  try_names(getenv("INTRUDER_DIRECTORY"));
  try_processes(victim);
  try_signals_by_io(victim);
  try_the_rest();
  dprintf(report_fd, "the end\n");
  _exit(0);
}

__attribute__((constructor)) static void open_log() {
  const char* const name = getenv("INTRUDER_LOG");
  if (!name) return;
  const int fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);
  report_fd = fcntl(fd, F_DUPFD_CLOEXEC, 60);
  close(fd);
}
