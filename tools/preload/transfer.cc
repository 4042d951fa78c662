// SPDX-License-Identifier: GPL-2.0
#include "preload/transfer.h"

#include <lkl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "preload/asked.h"
#include "preload/family.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/say.h"
#include "preload/serving.h"
#include "run/filter.h"

namespace lkl::preload {

long with_broken_pipe(long result, int flags) {
  if (result == -EPIPE && (flags & MSG_NOSIGNAL) == 0) ::pthread_kill(::pthread_self(), SIGPIPE);
  return result;
}

namespace {

lkl_iovec* kernels(const iovec* parts) {
  static_assert(sizeof(lkl_iovec) == sizeof(iovec));
  return reinterpret_cast<lkl_iovec*>(const_cast<iovec*>(parts));
}

// The C library's has words of 64 bits where the kernel's has, on 64-bit systems.
lkl_msghdr* kernels(const msghdr* message) {
  return reinterpret_cast<lkl_msghdr*>(const_cast<msghdr*>(message));
}

// Calls `use` for each descriptor that goes with a message (SCM_RIGHTS) until one is false.
template <class Use>
bool each_handed_over(const msghdr* message, Use use) {
  if (message == nullptr || message->msg_control == nullptr) return true;
  for (const cmsghdr* one = CMSG_FIRSTHDR(message); one != nullptr;
       one = CMSG_NXTHDR(const_cast<msghdr*>(message), const_cast<cmsghdr*>(one))) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS ||
        one->cmsg_len < CMSG_LEN(0))
      continue;
    const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(one) + i * sizeof fd, sizeof fd);
      if (!use(fd)) return false;
    }
  }
  return true;
}

// To others of the host's: the kernel's are what a child would have. False if one cannot be.
bool hand_over(const msghdr* message) {
  return each_handed_over(message, [](int fd) {
    if (entry_of(fd).owner() != Owner::kKernel) return true;
    return is_child() ? is_served_child() && claim(fd) : share_number(fd);
  });
}

long refuse_to_hand_over() {
  static std::atomic<bool> said;
  if (!said.exchange(true))
    say("a program hands something of the kernel's to another process that cannot be handed over, "
        "and gets an error");
  return -EOPNOTSUPP;
}

long send_at_host(int fd, const msghdr* message, int flags) {
  if (this_thread.inside == 0 && !hand_over(message)) return refuse_to_hand_over();
  return asked_or([&] { return libc().sendmsg(fd, message, flags); }, SYS_sendmsg, fd, message,
                  flags);
}

// Those that have come with a message.
void know_what_came(const msghdr* message) {
  if (message->msg_controllen == 0 || !serves_children()) return;
  each_handed_over(message, [](int fd) {
    know_if_served(fd);
    return true;
  });
}

long receive_at_host(int fd, msghdr* message, int flags) {
  const long result =
      asked_or([&] { return libc().recvmsg(fd, message, flags); }, SYS_recvmsg, fd, message, flags);
  if (result >= 0 && this_thread.inside == 0) know_what_came(message);
  return result;
}

// Without an address, and without such flags, the host knows all that there is to a datagram.
bool is_plain(const sockaddr* address, int flags, std::span<const int> asked) {
  return address == nullptr &&
         std::ranges::none_of(asked, [=](int flag) { return (flags & flag) != 0; });
}

}  // namespace

long send_message(int fd, const msghdr* message, int flags) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return send_at_host(fd, message, flags);
  return with_broken_pipe(
      in_kernel(
          [&] { return lkl_sys_sendmsg(kernel, kernels(message), static_cast<unsigned>(flags)); }),
      flags);
}

long receive_message(int fd, msghdr* message, int flags) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return receive_at_host(fd, message, flags);
  return in_kernel(
      [&] { return lkl_sys_recvmsg(kernel, kernels(message), static_cast<unsigned>(flags)); });
}

long send_to(int fd, const void* bytes, std::size_t count, int flags, const sockaddr* address,
             socklen_t size) {
  const int kernel = kernel_fd(fd);
  const auto at_host = [&] { return libc().sendto(fd, bytes, count, flags, address, size); };
  if (kernel == kOfHost && is_plain(address, flags, tool::served::kAskedOfSending))
    return raw(at_host());
  if (kernel == kOfHost)
    return asked_or(at_host, SYS_sendto, fd, bytes, count, flags, address, size);
  return with_broken_pipe(
      in_kernel([&] {
        return lkl_sys_sendto(kernel, const_cast<void*>(bytes), count, static_cast<unsigned>(flags),
                              reinterpret_cast<lkl_sockaddr*>(const_cast<sockaddr*>(address)),
                              static_cast<int>(size));
      }),
      flags);
}

long receive_from(int fd, void* to, std::size_t room, int flags, sockaddr* address,
                  socklen_t* size) {
  const int kernel = kernel_fd(fd);
  const auto at_host = [&] { return libc().recvfrom(fd, to, room, flags, address, size); };
  if (kernel == kOfHost && is_plain(address, flags, tool::served::kAskedOfReceiving))
    return raw(at_host());
  if (kernel == kOfHost) return asked_or(at_host, SYS_recvfrom, fd, to, room, flags, address, size);
  return in_kernel([&] {
    return lkl_sys_recvfrom(kernel, to, room, static_cast<unsigned>(flags),
                            reinterpret_cast<lkl_sockaddr*>(address), reinterpret_cast<int*>(size));
  });
}

long send_messages(int fd, mmsghdr* messages, unsigned count, int flags) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) {
    if (this_thread.inside == 0)
      for (unsigned i = 0; i < count; i++)
        if (!hand_over(&messages[i].msg_hdr)) return refuse_to_hand_over();
    return asked_or([&] { return libc().sendmmsg(fd, messages, count, flags); }, SYS_sendmmsg, fd,
                    messages, count, flags);
  }
  return with_broken_pipe(in_kernel([&] {
                            return lkl_sys_sendmmsg(kernel,
                                                    reinterpret_cast<lkl_mmsghdr*>(messages), count,
                                                    static_cast<unsigned>(flags));
                          }),
                          flags);
}

long receive_messages(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) {
    const long result =
        asked_or([&] { return libc().recvmmsg(fd, messages, count, flags, timeout); }, SYS_recvmmsg,
                 fd, messages, count, flags, timeout);
    if (this_thread.inside == 0)
      for (long i = 0; i < result; i++) know_what_came(&messages[i].msg_hdr);
    return result;
  }
  return in_kernel([&] {
    return lkl_sys_recvmmsg(kernel, reinterpret_cast<lkl_mmsghdr*>(messages), count,
                            static_cast<unsigned>(flags),
                            reinterpret_cast<__lkl__kernel_timespec*>(timeout));
  });
}

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

ssize_t read(int fd, void* to, size_t room) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return libc().read(fd, to, room);
  return answer(in_kernel(
      [&] { return lkl_sys_read(static_cast<unsigned>(kernel), static_cast<char*>(to), room); }));
}

ssize_t write(int fd, const void* bytes, size_t count) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return libc().write(fd, bytes, count);
  return answer(with_broken_pipe(in_kernel([&] {
    return lkl_sys_write(static_cast<unsigned>(kernel), static_cast<const char*>(bytes), count);
  })));
}

// Of files of the kernel's network that are open to be written.
ssize_t pread(int fd, void* to, size_t room, off_t at) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return libc().pread(fd, to, room, at);
  return answer(in_kernel([&] {
    return lkl_sys_pread64(static_cast<unsigned>(kernel), static_cast<char*>(to), room, at);
  }));
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return libc().pwrite(fd, bytes, count, at);
  return answer(in_kernel([&] {
    return lkl_sys_pwrite64(static_cast<unsigned>(kernel), static_cast<const char*>(bytes), count,
                            at);
  }));
}

off_t lseek(int fd, off_t to, int from) __THROW {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return libc().lseek(fd, to, from);
  return answer(in_kernel([&] {
    return lkl_sys_lseek(static_cast<unsigned>(kernel), to, static_cast<unsigned>(from));
  }));
}

ssize_t pread64(int fd, void* to, size_t room, off64_t at) {
  return pread(fd, to, room, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  return pwrite(fd, bytes, count, at);
}
off64_t lseek64(int fd, off64_t to, int from) __THROW {
  return lseek(fd, to, from);
}

ssize_t readv(int fd, const iovec* parts, int count) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return libc().readv(fd, parts, count);
  return answer(in_kernel([&] {
    return lkl_sys_readv(static_cast<lkl_ulong>(kernel), kernels(parts),
                         static_cast<lkl_ulong>(count));
  }));
}

ssize_t writev(int fd, const iovec* parts, int count) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return libc().writev(fd, parts, count);
  return answer(with_broken_pipe(in_kernel([&] {
    return lkl_sys_writev(static_cast<lkl_ulong>(kernel), kernels(parts),
                          static_cast<lkl_ulong>(count));
  })));
}

ssize_t send(int fd, const void* bytes, size_t count, int flags) {
  return answer(send_to(fd, bytes, count, flags, nullptr, 0));
}

ssize_t sendto(int fd, const void* bytes, size_t count, int flags, const sockaddr* address,
               socklen_t size) {
  return answer(send_to(fd, bytes, count, flags, address, size));
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return answer(send_message(fd, message, flags));
}

int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  return static_cast<int>(answer(send_messages(fd, messages, count, flags)));
}

ssize_t recv(int fd, void* to, size_t room, int flags) {
  return answer(receive_from(fd, to, room, flags, nullptr, nullptr));
}

ssize_t recvfrom(int fd, void* to, size_t room, int flags, sockaddr* address, socklen_t* size) {
  return answer(receive_from(fd, to, room, flags, address, size));
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  return answer(receive_message(fd, message, flags));
}

int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  return static_cast<int>(answer(receive_messages(fd, messages, count, flags, timeout)));
}

// Fortified calls: what they check is who calls.
[[noreturn]] void __chk_fail();

ssize_t __read_chk(int fd, void* to, size_t room, size_t size) {
  if (room > size) __chk_fail();
  return read(fd, to, room);
}
ssize_t __recv_chk(int fd, void* to, size_t room, size_t size, int flags) {
  if (room > size) __chk_fail();
  return recv(fd, to, room, flags);
}
ssize_t __recvfrom_chk(int fd, void* to, size_t room, size_t size, int flags, sockaddr* address,
                       socklen_t* address_size) {
  if (room > size) __chk_fail();
  return recvfrom(fd, to, room, flags, address, address_size);
}
}
