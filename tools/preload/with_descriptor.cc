// SPDX-License-Identifier: GPL-2.0
#include "preload/with_descriptor.h"

#include <cstring>

#include "preload/libc.h"

namespace lkl::preload {

namespace {

struct Envelope {
  iovec part;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};

  Envelope(void* message, std::size_t size) : part{.iov_base = message, .iov_len = size} {
    header.msg_iov = &part, header.msg_iovlen = 1;
    header.msg_control = control, header.msg_controllen = sizeof control;
  }
};

}  // namespace

bool send_with(int socket, const void* message, std::size_t size, int fd) {
  Envelope envelope(const_cast<void*>(message), size);
  if (fd < 0) {
    envelope.header.msg_controllen = 0;
  } else {
    cmsghdr* const head = CMSG_FIRSTHDR(&envelope.header);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  return libc().sendmsg(socket, &envelope.header, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

bool receive_with(int socket, void* message, std::size_t size, int& fd) {
  Envelope envelope(message, size);
  fd = -1;
  const ssize_t count = libc().recvmsg(socket, &envelope.header, MSG_CMSG_CLOEXEC);
  if (const cmsghdr* const head = count > 0 ? CMSG_FIRSTHDR(&envelope.header) : nullptr)
    std::memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return count == static_cast<ssize_t>(size);
}

}  // namespace lkl::preload
