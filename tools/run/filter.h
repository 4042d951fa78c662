// SPDX-License-Identifier: GPL-2.0
//
// Which system calls of a program the kernel server is asked about.
#ifndef LKL_TOOL_RUN_FILTER_H
#define LKL_TOOL_RUN_FILTER_H

#include <linux/filter.h>
#include <sys/socket.h>

#include <span>
#include <vector>

namespace lkl::tool::served {

// Requests (ioctl(2)) that are asked about: SIOC* of sockets; TUN* of tunnels, whose upper half is
// a size.
struct RequestClass {
  unsigned mask, value;
  bool has(unsigned long request) const { return (request & mask) == value; }
};
inline constexpr RequestClass kAskedRequests[] = {{0xffff'ff00, 0x8900}, {0xffc0, 0x54c0}};
// sendto() and recvfrom() without an address are, with one of these flags.
inline constexpr int kAskedOfSending[] = {MSG_OOB, MSG_FASTOPEN},
                     kAskedOfReceiving[] = {MSG_OOB, MSG_ERRQUEUE};

// Those that make sockets, name, connect and configure them, those that open files by name (but for
// those of open_pass.h), and of those that move data the ones with an address. All others are the
// host's, at its speed: read, write, poll, dup, fork, exec ...
std::vector<sock_filter> make_filter();

// For this process, and all that it becomes and starts: its calls are asked about on the descriptor
// that is returned. A negative error of the host. Only calls the kernel: may be done after fork().
int install_filter(std::span<const sock_filter> filter) noexcept;

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_FILTER_H
