// SPDX-License-Identifier: GPL-2.0
//
// sendfile(2) and splice(2) between the kernels: there is no way but by memory. What is not taken
// at the other end stays where it was.
#include <limits.h>
#include <lkl.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/transfer.h"

namespace lkl::preload {

namespace {

constexpr std::size_t kPart = 64 << 10;

// A thread's own, but none of its stack.
std::vector<char>& part() {
  thread_local std::vector<char> bytes(kPart);
  return bytes;
}

// What a number is, of whichever kernel.
struct End {
  int number;
  int kernel;

  explicit End(int number) : number(number), kernel(kernel_fd(number)) {}
  bool is_host() const { return kernel == kOfHost; }
};

bool is_stream(int kernel) {
  int type = 0, size = sizeof type;
  return lkl_sys_getsockopt(kernel, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &size) ==
             0 &&
         type == SOCK_STREAM;
}

long send_part(const End& to, const char* bytes, std::size_t count) {
  if (to.is_host()) return raw(libc().write(to.number, bytes, count));
  return lkl_sys_sendto(to.kernel, const_cast<char*>(bytes), count, MSG_NOSIGNAL, nullptr, 0);
}

// From a stream: what has been written is taken from it then.
long move_from_stream(const End& from, const End& to, std::size_t count, bool at_once) {
  if (!is_stream(from.kernel)) return -EINVAL;
  // A pipe takes so much at once, if it takes anything.
  if (at_once && to.is_host()) {
    pollfd room = {.fd = to.number, .events = POLLOUT, .revents = 0};
    if (libc().poll(&room, 1, 0) == 0) return -EAGAIN;
    count = std::min<std::size_t>(count, PIPE_BUF);
  }
  const lkl_long there =
      lkl_sys_recvfrom(from.kernel, part().data(), std::min(count, kPart),
                       LKL_MSG_PEEK | (at_once ? LKL_MSG_DONTWAIT : 0), nullptr, nullptr);
  if (there <= 0) return there;
  const long written = send_part(to, part().data(), static_cast<std::size_t>(there));
  if (written > 0)
    lkl_sys_recvfrom(from.kernel, part().data(), static_cast<std::size_t>(written),
                     LKL_MSG_DONTWAIT, nullptr, nullptr);
  return written;
}

bool wait_for_room(int kernel, bool at_once) {
  lkl_pollfd room = {.fd = kernel, .events = LKL_POLLOUT, .revents = 0};
  __lkl__kernel_timespec now = {};
  return lkl_sys_ppoll(&room, 1, at_once ? &now : nullptr, nullptr, 0) > 0;
}

// From a pipe, which gives nothing back: only when there is room, and then until all is sent.
long move_from_pipe(const End& from, const End& to, std::size_t count, bool at_once) {
  const auto flags = lkl_sys_fcntl(static_cast<unsigned>(to.kernel), LKL_F_GETFL, 0);
  if (!wait_for_room(to.kernel, at_once || (flags & LKL_O_NONBLOCK) != 0)) return -EAGAIN;
  if (at_once) {
    pollfd any = {.fd = from.number, .events = POLLIN, .revents = 0};
    if (libc().poll(&any, 1, 0) == 0) return -EAGAIN;
  }
  const long got = raw(libc().read(from.number, part().data(), std::min(count, kPart)));
  if (got <= 0) return got;
  for (long sent = 0; sent < got;) {
    const long now = send_part(to, part().data() + sent, static_cast<std::size_t>(got - sent));
    if (now < 0 && now != -LKL_EAGAIN) return sent > 0 ? sent : now;
    if (now < 0) wait_for_room(to.kernel, false);
    sent += std::max(now, 0L);
  }
  return got;
}

// Of a file of the host's.
long send_file(int kernel, int in, off_t* offset, std::size_t count) {
  constexpr std::size_t kMost = 0x7ffff000;
  struct stat status = {};
  // what has no pages cannot be sent, and programs know what to do then
  if (libc().fstat(in, &status) != 0) return -errno;
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) return -EINVAL;
  off_t at = offset != nullptr ? *offset : ::lseek(in, 0, SEEK_CUR);
  if (at < 0) return offset != nullptr ? -EINVAL : -errno;
  count = std::min(count, kMost);
  std::size_t sent = 0;
  long result = 0;
  while (sent < count) {
    const ssize_t got = ::pread(in, part().data(), std::min(count - sent, kPart), at);
    if (got <= 0) {
      result = got < 0 ? -errno : 0;
      break;
    }
    const bool more = sent + static_cast<std::size_t>(got) < count;
    std::size_t of_these = 0;
    while (of_these < static_cast<std::size_t>(got)) {
      result =
          lkl_sys_sendto(kernel, part().data() + of_these, static_cast<std::size_t>(got) - of_these,
                         MSG_NOSIGNAL | (more ? MSG_MORE : 0), nullptr, 0);
      if (result == -ENOTSOCK)
        result = lkl_sys_write(static_cast<unsigned>(kernel), part().data() + of_these,
                               static_cast<std::size_t>(got) - of_these);
      if (result <= 0) break;
      of_these += static_cast<std::size_t>(result);
    }
    sent += of_these;
    at += static_cast<off_t>(of_these);
    if (of_these < static_cast<std::size_t>(got)) break;
  }
  if (sent == 0 && result < 0) return result;
  if (offset != nullptr)
    *offset = at;
  else
    ::lseek(in, at, SEEK_SET);
  return static_cast<long>(sent);
}

bool is_pipe(int number) {
  struct stat status = {};
  return libc().fstat(number, &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

ssize_t sendfile(int out, int in, off_t* offset, size_t count) __THROW {
  const End from(in), to(out);
  if (from.is_host() && to.is_host()) return libc().sendfile(out, in, offset, count);
  if (!from.is_host() && offset != nullptr) return answer(-ESPIPE);
  // what would be lost between two sockets is not lost on the way to a pipe
  if (!from.is_host() && !(to.is_host() && is_pipe(out))) return answer(-EINVAL);
  return answer(with_broken_pipe(in_kernel([&] {
    return from.is_host() ? send_file(to.kernel, in, offset, count)
                          : move_from_stream(from, to, count, false);
  })));
}

ssize_t sendfile64(int out, int in, off64_t* offset, size_t count) __THROW {
  static_assert(sizeof(off_t) == sizeof(off64_t));
  return sendfile(out, in, offset, count);
}

ssize_t splice(int in, off64_t* in_offset, int out, off64_t* out_offset, size_t count,
               unsigned flags) {
  const End from(in), to(out);
  if (from.is_host() && to.is_host())
    return libc().splice(in, in_offset, out, out_offset, count, flags);
  if (in_offset != nullptr || out_offset != nullptr) return answer(-ESPIPE);
  // one of both has to be a pipe, and those are the host's
  if (!is_pipe(from.is_host() ? in : out) || (!from.is_host() && !to.is_host()))
    return answer(-EINVAL);
  const bool at_once = (flags & SPLICE_F_NONBLOCK) != 0;
  return answer(with_broken_pipe(in_kernel([&] {
    return from.is_host() ? move_from_pipe(from, to, count, at_once)
                          : move_from_stream(from, to, count, at_once);
  })));
}

ssize_t copy_file_range(int in, off64_t* in_offset, int out, off64_t* out_offset, size_t count,
                        unsigned flags) {
  if (kernel_fd(in) != kOfHost || kernel_fd(out) != kOfHost) return answer(-EINVAL);
  return libc().copy_file_range(in, in_offset, out, out_offset, count, flags);
}
}
