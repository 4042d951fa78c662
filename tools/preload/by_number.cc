// SPDX-License-Identifier: GPL-2.0
#include "preload/by_number.h"

#include <lkl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdarg>

#include "preload/asked.h"
#include "preload/descriptors.h"
#include "preload/files.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/sockets.h"
#include "preload/transfer.h"
#include "preload/waits.h"

namespace lkl::preload {

namespace {

template <class Type>
Type* pointer(long value) {
  return reinterpret_cast<Type*>(value);
}

long wait_by_poll(const Arguments& a) {
  return wait_for({pointer<pollfd>(a[0]), static_cast<std::size_t>(a[1])},
                  Deadline(std::max(static_cast<int>(a[2]), -1)), nullptr);
}

// Those that are the host's, but for sockets that children have, too.
std::optional<long> ask_by_number(long number, const Arguments& a) {
  switch (number) {
    case SYS_bind:
    case SYS_getsockname:
    case SYS_getpeername:
    case SYS_getsockopt:
    case SYS_setsockopt:
    case SYS_shutdown:
    case SYS_listen: {
      Words words;
      std::ranges::copy(a, words.begin());
      return ask_server(number, words);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<long> call_by_number(long number, const Arguments& a) {
  const auto fd = static_cast<int>(a[0]);
  const auto flags = static_cast<int>(a[3]);
  const auto size = static_cast<std::size_t>(a[2]);
  switch (number) {
    case SYS_socket:
      return make_socket(fd, static_cast<int>(a[1]), static_cast<int>(a[2]));
    case SYS_connect:
      return connect_to(fd, pointer<sockaddr>(a[1]), static_cast<socklen_t>(a[2]));
    case SYS_close:
      return close_number(fd);
    case SYS_fcntl:
      return control_number(fd, static_cast<int>(a[1]), static_cast<unsigned long>(a[2]));
    case SYS_ioctl:
      return request_of(fd, static_cast<unsigned long>(a[1]), static_cast<unsigned long>(a[2]));
    case SYS_poll:
      return wait_by_poll(a);
    case SYS_openat:
      return open_path(fd, pointer<char>(a[1]), static_cast<int>(a[2]));
    case SYS_open:
      return open_path(AT_FDCWD, pointer<char>(a[0]), static_cast<int>(a[1]));
    case SYS_creat:
      return open_path(AT_FDCWD, pointer<char>(a[0]), O_CREAT | O_WRONLY | O_TRUNC);
    case SYS_sendto:
      return send_to(fd, pointer<void>(a[1]), size, flags, pointer<sockaddr>(a[4]),
                     static_cast<socklen_t>(a[5]));
    case SYS_recvfrom:
      return receive_from(fd, pointer<void>(a[1]), size, flags, pointer<sockaddr>(a[4]),
                          pointer<socklen_t>(a[5]));
    case SYS_sendmsg:
      return send_message(fd, pointer<msghdr>(a[1]), static_cast<int>(a[2]));
    case SYS_recvmsg:
      return receive_message(fd, pointer<msghdr>(a[1]), static_cast<int>(a[2]));
    case SYS_sendmmsg:
      return send_messages(fd, pointer<mmsghdr>(a[1]), static_cast<unsigned>(a[2]), flags);
    case SYS_recvmmsg:
      return receive_messages(fd, pointer<mmsghdr>(a[1]), static_cast<unsigned>(a[2]), flags,
                              pointer<timespec>(a[4]));
    case SYS_ppoll:
      return wait_for({pointer<pollfd>(a[0]), static_cast<std::size_t>(a[1])},
                      Deadline(pointer<timespec>(a[2])), pointer<sigset_t>(a[3]));
    case SYS_accept:
    case SYS_accept4:
      return accept_from(fd, pointer<sockaddr>(a[1]), pointer<socklen_t>(a[2]),
                         number == SYS_accept4 ? flags : 0);
    case SYS_dup:
      return control_number(fd, F_DUPFD, 0);
    case SYS_dup2:
    case SYS_dup3:
      return copy_number(fd, static_cast<int>(a[1]),
                         number == SYS_dup3 ? static_cast<int>(a[2]) : 0);
    case SYS_close_range:
      return close_range_of(static_cast<unsigned>(a[0]), static_cast<unsigned>(a[1]),
                            static_cast<int>(a[2]));
    case SYS_io_uring_setup:
      // it makes sockets past us; who has it can do without
      return -ENOSYS;
    // Those that are more than one call: by the C library's names for them.
    case SYS_epoll_create1:
      return raw(::epoll_create1(fd));
    case SYS_epoll_ctl:
      return raw(::epoll_ctl(fd, static_cast<int>(a[1]), static_cast<int>(a[2]),
                             pointer<epoll_event>(a[3])));
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
      return raw(::epoll_pwait(fd, pointer<epoll_event>(a[1]), static_cast<int>(a[2]), flags,
                               number == SYS_epoll_pwait ? pointer<sigset_t>(a[4]) : nullptr));
    case SYS_sendfile:
      return raw(::sendfile(fd, static_cast<int>(a[1]), pointer<off_t>(a[2]),
                            static_cast<std::size_t>(a[3])));
    case SYS_exit_group:
      ::_exit(fd);
    default:
      break;
  }
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return is_served(fd) ? ask_by_number(number, a) : std::nullopt;
  auto* const name = pointer<lkl_sockaddr>(a[1]);
  switch (number) {
    case SYS_bind:
      return in_kernel([&] { return lkl_sys_bind(kernel, name, static_cast<int>(a[2])); });
    case SYS_getsockname:
      return in_kernel([&] { return lkl_sys_getsockname(kernel, name, pointer<int>(a[2])); });
    case SYS_getpeername:
      return in_kernel([&] { return lkl_sys_getpeername(kernel, name, pointer<int>(a[2])); });
    case SYS_getsockopt:
      return in_kernel([&] {
        return lkl_sys_getsockopt(kernel, static_cast<int>(a[1]), static_cast<int>(a[2]),
                                  pointer<char>(a[3]), pointer<int>(a[4]));
      });
    case SYS_setsockopt:
      return in_kernel([&] {
        return lkl_sys_setsockopt(kernel, static_cast<int>(a[1]), static_cast<int>(a[2]),
                                  pointer<char>(a[3]), static_cast<int>(a[4]));
      });
    case SYS_shutdown:
      return in_kernel([&] { return lkl_sys_shutdown(kernel, static_cast<int>(a[1])); });
    case SYS_listen:
      return in_kernel([&] { return lkl_sys_listen(kernel, static_cast<int>(a[1])); });
    case SYS_read:
      return raw(::read(fd, pointer<void>(a[1]), size));
    case SYS_write:
      return raw(::write(fd, pointer<void>(a[1]), size));
    case SYS_readv:
      return raw(::readv(fd, pointer<iovec>(a[1]), static_cast<int>(a[2])));
    case SYS_writev:
      return raw(::writev(fd, pointer<iovec>(a[1]), static_cast<int>(a[2])));
    case SYS_fstat:
      return status_of(fd, pointer<struct stat>(a[1]));
    default:
      return std::nullopt;
  }
}

namespace {

// Of those that the library has no other name for.
bool makes_descriptor(long number) {
  return number == SYS_pidfd_open || number == SYS_pidfd_getfd;
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" long syscall(long number, ...) __THROW {
  Arguments arguments;
  va_list words;
  va_start(words, number);
  for (long& argument : arguments) argument = va_arg(words, long);
  va_end(words);
  if (this_thread.inside != 0 && makes_descriptor(number))
    return make_librarys_by(
        [&] { return static_cast<int>(answer(lkl_preload_raw_call(number, arguments.data()))); });
  if (this_thread.inside == 0)
    if (const auto result = call_by_number(number, arguments)) return answer(*result);
  return answer(lkl_preload_raw_call(number, arguments.data()));
}
