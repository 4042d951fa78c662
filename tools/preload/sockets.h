// SPDX-License-Identifier: GPL-2.0
//
// Calls of sockets, as system calls answer: for our functions, and for what the C library calls by
// itself (lookups.cc).
#ifndef LKL_TOOL_PRELOAD_SOCKETS_H
#define LKL_TOOL_PRELOAD_SOCKETS_H

#include <sys/socket.h>

namespace lkl::preload {

long make_socket(int family, int type, int protocol);
long accept_from(int fd, sockaddr* address, socklen_t* size, int flags);
long connect_to(int fd, const sockaddr* address, socklen_t size);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_SOCKETS_H
