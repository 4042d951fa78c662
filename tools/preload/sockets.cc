// SPDX-License-Identifier: GPL-2.0
#include "preload/sockets.h"

#include <lkl.h>
#include <sys/syscall.h>

#include "preload/asked.h"
#include "preload/family.h"
#include "preload/kernel.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/say.h"
#include "preload/serving.h"
#include "run/served_files.h"

namespace lkl::preload {

namespace {

lkl_sockaddr* kernels(const sockaddr* address) {
  return reinterpret_cast<lkl_sockaddr*>(const_cast<sockaddr*>(address));
}
int* kernels(socklen_t* size) {
  return reinterpret_cast<int*>(size);
}

// The number that was taken for it becomes that of the kernel's descriptor, or is given back.
long give_number(int number, long kernel) {
  if (kernel < 0)
    free_number(number);
  else
    set_entry(number, Entry::of_kernel(static_cast<int>(kernel)));
  return kernel < 0 ? kernel : number;
}

}  // namespace

long make_socket(int family, int type, int protocol) {
  if (family == AF_UNIX) return raw(libc().socket(family, type, protocol));
  if (is_served_child()) return raw(libc().socket(family, type, protocol));
  if (is_child()) {
    refuse_in_child();
    return -ENETDOWN;
  }
  want_kernel();
  const int number = take_number((type & SOCK_CLOEXEC) != 0);
  if (number < 0) return number;
  return give_number(number, in_kernel([&] { return lkl_sys_socket(family, type, protocol); }));
}

long accept_from(int fd, sockaddr* address, socklen_t* size, int flags) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost)
    return asked_or([&] { return libc().accept4(fd, address, size, flags); }, SYS_accept4, fd,
                    address, size, flags);
  // before it waits, as the host's kernel does
  const int number = take_number((flags & SOCK_CLOEXEC) != 0);
  if (number < 0) return number;
  return give_number(number, in_kernel([&] {
                       return lkl_sys_accept4(kernel, kernels(address), kernels(size), flags);
                     }));
}

long connect_to(int fd, const sockaddr* address, socklen_t size) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) {
    if (this_thread.inside == 0 && tool::served::is_host_resolver(address, size)) return -ENOENT;
    return asked_or([&] { return libc().connect(fd, address, size); }, SYS_connect, fd, address,
                    size);
  }
  settle_children();
  return in_kernel(
      [&] { return lkl_sys_connect(kernel, kernels(address), static_cast<int>(size)); });
}

namespace {

// Not for long, as others wait for their numbers.
int accept_for_library(int fd, sockaddr* address, socklen_t* size, int flags) {
  const auto accepted = [&] { return libc().accept4(fd, address, size, flags); };
  pollfd someone = {.fd = fd, .events = POLLIN, .revents = 0};
  return libc().poll(&someone, 1, 0) > 0 ? make_librarys_by(accepted) : make_librarys(accepted());
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

// Those whose calls have the same words in both kernels.
#define LKL_ALIKE(name, of_kernel, fd, ...)                                                    \
  const int kernel = kernel_fd(fd);                                                            \
  if (kernel == kOfHost)                                                                       \
    return static_cast<int>(answer(                                                            \
        asked_or([&] { return libc().name(fd, __VA_ARGS__); }, SYS_##name, fd, __VA_ARGS__))); \
  return static_cast<int>(answer(in_kernel([&] { return of_kernel; })))

extern "C" {

int socket(int family, int type, int protocol) __THROW {
  if (this_thread.inside != 0)
    return make_librarys_by([&] { return libc().socket(family, type, protocol); });
  return static_cast<int>(answer(make_socket(family, type, protocol)));
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  if (this_thread.inside != 0) return accept_for_library(fd, address, size, flags);
  return static_cast<int>(answer(accept_from(fd, address, size, flags)));
}

int accept(int fd, sockaddr* address, socklen_t* size) {
  return accept4(fd, address, size, 0);
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  return static_cast<int>(answer(connect_to(fd, address, size)));
}

int bind(int fd, const sockaddr* address, socklen_t size) __THROW {
  if (entry_of(fd).owner() == Owner::kKernel) settle_children();
  LKL_ALIKE(bind, lkl_sys_bind(kernel, kernels(address), static_cast<int>(size)), fd, address,
            size);
}

int listen(int fd, int backlog) __THROW {
  if (entry_of(fd).owner() == Owner::kKernel) settle_children();
  LKL_ALIKE(listen, lkl_sys_listen(kernel, backlog), fd, backlog);
}

int getsockname(int fd, sockaddr* address, socklen_t* size) __THROW {
  LKL_ALIKE(getsockname, lkl_sys_getsockname(kernel, kernels(address), kernels(size)), fd, address,
            size);
}

int getpeername(int fd, sockaddr* address, socklen_t* size) __THROW {
  LKL_ALIKE(getpeername, lkl_sys_getpeername(kernel, kernels(address), kernels(size)), fd, address,
            size);
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* size) __THROW {
  LKL_ALIKE(getsockopt,
            lkl_sys_getsockopt(kernel, level, name, static_cast<char*>(value), kernels(size)), fd,
            level, name, value, size);
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) __THROW {
  LKL_ALIKE(setsockopt,
            lkl_sys_setsockopt(kernel, level, name, static_cast<const char*>(value),
                               static_cast<int>(size)),
            fd, level, name, value, size);
}

int shutdown(int fd, int how) __THROW {
  LKL_ALIKE(shutdown, lkl_sys_shutdown(kernel, how), fd, how);
}
}
