// SPDX-License-Identifier: GPL-2.0
//
// Bytes and messages, as system calls answer.
#ifndef LKL_TOOL_PRELOAD_TRANSFER_H
#define LKL_TOOL_PRELOAD_TRANSFER_H

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>

namespace lkl::preload {

// A signal of the kernel's is nobody's here: the host's is what the program knows.
long with_broken_pipe(long result, int flags = 0);

long send_message(int fd, const msghdr* message, int flags);
long receive_message(int fd, msghdr* message, int flags);
long send_to(int fd, const void* bytes, std::size_t count, int flags, const sockaddr* address,
             socklen_t size);
long receive_from(int fd, void* to, std::size_t room, int flags, sockaddr* address,
                  socklen_t* size);
long send_messages(int fd, mmsghdr* messages, unsigned count, int flags);
long receive_messages(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_TRANSFER_H
