// SPDX-License-Identifier: GPL-2.0
//
// The C library's own functions, which ours stand in front of.
#ifndef LKL_TOOL_PRELOAD_LIBC_H
#define LKL_TOOL_PRELOAD_LIBC_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

namespace lkl::preload {

#define LKL_LIBC_FUNCTIONS(f)                                                                      \
  f(accept) f(accept4) f(bind) f(connect) f(getpeername) f(getsockname) f(getsockopt) f(listen)    \
      f(recv) f(recvfrom) f(recvmmsg) f(recvmsg) f(send) f(sendmmsg) f(sendmsg) f(sendto)          \
          f(setsockopt) f(shutdown) f(socket) f(read) f(pread) f(pwrite) f(lseek) f(readv)         \
              f(write) f(writev) f(sendfile) f(splice) f(copy_file_range) f(close) f(close_range)  \
                  f(closefrom) f(dup) f(dup2) f(dup3) f(fcntl) f(ioctl) f(fstat) f(fstatat)        \
                                                                                                   \
                      f(poll) f(ppoll) f(select) f(pselect) f(epoll_create) f(epoll_create1)       \
                          f(epoll_ctl) f(epoll_pwait) f(eventfd) f(open) f(openat) f(fopen)        \
                              f(fdopen) f(fileno) f(sigaction) f(sigprocmask) f(pthread_sigmask)   \
                                  f(pthread_create) f(pthread_cancel) f(fork) f(_exit) f(execve)   \
                                      f(posix_spawn) f(posix_spawnp) f(getaddrinfo) f(getnameinfo) \
                                          f(gethostbyname) f(gethostbyname2) f(gethostbyaddr)      \
                                              f(gethostbyname_r) f(gethostbyname2_r)               \
                                                  f(gethostbyaddr_r) f(getifaddrs) f(if_nameindex) \
                                                      f(if_nametoindex) f(if_indextoname)          \
                                                          f(vdprintf)

struct Libc {
#define LKL_MEMBER(name) decltype(&::name) name;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
  LKL_LIBC_FUNCTIONS(LKL_MEMBER)
#pragma GCC diagnostic pop
#undef LKL_MEMBER
};
extern Libc found_libc;
void find_libc();
// What else there is behind us.
void* find_next(const char* name);

// Others' constructors come before ours.
inline const Libc& libc() {
  if (found_libc.close == nullptr) [[unlikely]]
    find_libc();
  return found_libc;
}

// As system calls answer: a negative error number instead of -1.
inline long raw(long result) {
  return result == -1 ? -errno : result;
}
// As the C library does.
inline long answer(long result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_LIBC_H
