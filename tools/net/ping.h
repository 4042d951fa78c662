// SPDX-License-Identifier: GPL-2.0
//
// Echoes of ICMP, from within the kernel.
#ifndef LKL_TOOL_PING_H
#define LKL_TOOL_PING_H

#include <lkl.h>

#include <optional>

#include "net/dns_message.h"

namespace lkl::tool {

// A socket's address of this host, with this port. Link-local ones are on the interface.
struct SocketAddress {
  SocketAddress(const HostAddress& host, unsigned port, int ifindex);
  const lkl_sockaddr* get() const { return reinterpret_cast<const lkl_sockaddr*>(&storage); }
  int family() const { return v6 ? LKL_AF_INET6 : LKL_AF_INET; }

  bool v6;
  int size;
  union {
    lkl_sockaddr_in in;
    lkl_sockaddr_in6 in6;
  } storage;
};

// A descriptor of the kernel's.
class KernelSocket {
 public:
  KernelSocket(int family, int type, int protocol)
      : fd_(static_cast<int>(lkl_sys_socket(family, type | LKL_SOCK_CLOEXEC, protocol))) {}
  KernelSocket(const KernelSocket&) = delete;
  KernelSocket& operator=(const KernelSocket&) = delete;
  ~KernelSocket() {
    if (fd_ >= 0) lkl_sys_close(static_cast<unsigned>(fd_));
  }
  int get() const { return fd_; }  // or the error
  // Whether something has come by then, of the kernel's clock.
  bool wait(double until) const;

 private:
  const int fd_;
};

// The kernel's clock, in seconds.
double kernel_seconds();

// Three times, a second each: seconds until the first answer, or nothing.
std::optional<double> ping(const HostAddress& host, int ifindex);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PING_H
