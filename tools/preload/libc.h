// SPDX-License-Identifier: GPL-2.0
//
// The C library's own functions, which ours stand in front of.
#ifndef LKL_TOOL_PRELOAD_LIBC_H
#define LKL_TOOL_PRELOAD_LIBC_H

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
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace lkl::preload {

struct Libc {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
#define LKL_LIBC_FUNCTION(name) decltype(&::name) name;
#include "preload/libc_functions.def"
#undef LKL_LIBC_FUNCTION
#pragma GCC diagnostic pop
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
