// SPDX-License-Identifier: GPL-2.0
//
// Which system calls of a program the kernel server is asked about.
#ifndef LKL_TOOL_RUN_FILTER_H
#define LKL_TOOL_RUN_FILTER_H

#include <linux/filter.h>

#include <span>
#include <vector>

namespace lkl::tool::served {

// Those that make sockets, name, connect and configure them, those that open files by name, and of
// those that move data the ones with an address. All others are the host's, at its speed: read,
// write, poll, dup, fork, exec ...
std::vector<sock_filter> make_filter();

// For this process, and all that it becomes and starts: its calls are asked about on the descriptor
// that is returned. A negative error of the host. Only calls the kernel: may be done after fork().
int install_filter(std::span<const sock_filter> filter) noexcept;

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_FILTER_H
