// SPDX-License-Identifier: GPL-2.0
#include "protocol.h"

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lkl::fuse {

namespace {

constexpr std::uint32_t kWanted = FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT;

// Of the request that the thread serves.
struct Current {
  std::uint32_t opcode = 0;
  std::uint32_t offered = 0;  // FUSE_INIT: what the host can do
  bool takes_privileges = false;
};
thread_local Current current;

// The host sends the longer form of FUSE_SETXATTR.
std::atomic<bool> long_setxattr = false;

ssize_t write_answer(int fd, struct iovec* iov, int count, void*) {
  if (current.opcode == FUSE_INIT && count == 2 && iov[1].iov_len >= sizeof(fuse_init_out)) {
    auto& answer = *static_cast<fuse_init_out*>(iov[1].iov_base);
    answer.flags |= current.offered & kWanted;
    long_setxattr = (answer.flags & FUSE_SETXATTR_EXT) != 0;
  }
  return ::writev(fd, iov, count);
}

// libfuse would have it read requests; the loop does that (loop.cc).
ssize_t read_request(int fd, void* into, size_t size, void*) {
  return ::read(fd, into, size);
}

// The argument of a request, if it is as long as that.
template <typename Argument>
const Argument* argument(const fuse_buf& request) {
  if (request.size < sizeof(fuse_in_header) + sizeof(Argument)) return nullptr;
  return reinterpret_cast<const Argument*>(static_cast<const std::byte*>(request.mem) +
                                           sizeof(fuse_in_header));
}

// libfuse knows the shorter form: what is left out is in the middle.
fuse_buf shorten_setxattr(fuse_buf request) {
  constexpr std::size_t kMore = sizeof(fuse_setxattr_in) - FUSE_COMPAT_SETXATTR_IN_SIZE;
  auto* const from = static_cast<std::byte*>(request.mem);
  std::memmove(from + kMore, from, sizeof(fuse_in_header) + FUSE_COMPAT_SETXATTR_IN_SIZE);
  request.mem = from + kMore;
  request.size -= kMore;
  static_cast<fuse_in_header*>(request.mem)->len -= kMore;
  return request;
}

}  // namespace

const fuse_custom_io kProtocolIo = {
    .writev = write_answer,
    .read = read_request,
    .splice_receive = nullptr,
    .splice_send = nullptr,
};

fuse_buf look_at_request(const fuse_buf& request) {
  current = {};
  current.opcode = static_cast<const fuse_in_header*>(request.mem)->opcode;
  switch (current.opcode) {
    case FUSE_INIT:
      if (const auto* init = argument<fuse_init_in>(request)) current.offered = init->flags;
      break;
    case FUSE_OPEN:
      if (const auto* open = argument<fuse_open_in>(request))
        current.takes_privileges = open->open_flags & FUSE_OPEN_KILL_SUIDGID;
      break;
    case FUSE_CREATE:
      if (const auto* create = argument<fuse_create_in>(request))
        current.takes_privileges = create->open_flags & FUSE_OPEN_KILL_SUIDGID;
      break;
    case FUSE_WRITE:
      if (const auto* write = argument<fuse_write_in>(request))
        current.takes_privileges = write->write_flags & FUSE_WRITE_KILL_SUIDGID;
      break;
    case FUSE_SETATTR:
      if (const auto* setattr = argument<fuse_setattr_in>(request))
        current.takes_privileges = setattr->valid & FATTR_KILL_SUIDGID;
      break;
    case FUSE_SETXATTR:
      if (!long_setxattr) break;
      if (const auto* setxattr = argument<fuse_setxattr_in>(request)) {
        current.takes_privileges = setxattr->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
        return shorten_setxattr(request);
      }
      break;
    default:
      break;
  }
  return request;
}

bool request_takes_privileges() {
  return current.takes_privileges;
}

}  // namespace lkl::fuse
