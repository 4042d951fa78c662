// SPDX-License-Identifier: GPL-2.0
// What lies in pieces, to and from sockets, in one call that does not wait.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <span>

#include "posix/iovec.h"
#include "posix/raw_call.h"

namespace lkl::host {

inline msghdr message_of(std::span<const IoVec> pieces) {
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(to_iovec(pieces));
  message.msg_iovlen = pieces.size();
  return message;
}

// Bytes that have gone; -EAGAIN: later, also if it is the host that has no room just now.
inline int64_t send_pieces(int socket, std::span<const IoVec> pieces) {
  const msghdr message = message_of(pieces);
  const int64_t sent = raw_call(SYS_sendmsg, socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == -ENOBUFS || sent == -ENOMEM || sent == -EINTR ? -EAGAIN : sent;
}

inline int64_t receive_pieces(int socket, std::span<const IoVec> room, int flags = 0) {
  msghdr message = message_of(room);
  return raw_call(SYS_recvmsg, socket, &message, MSG_DONTWAIT | flags);
}

}  // namespace lkl::host
