// SPDX-License-Identifier: GPL-2.0
//
// Messages of processes to each other with which a descriptor may go (SCM_RIGHTS). No memory is
// asked for.
#ifndef LKL_TOOL_PRELOAD_WITH_DESCRIPTOR_H
#define LKL_TOOL_PRELOAD_WITH_DESCRIPTOR_H

#include <cstddef>

namespace lkl::preload {

// None if `fd` is -1. False if the other one has gone.
bool send_with(int socket, const void* message, std::size_t size, int fd);
// One of just this size, and what has come with it, or -1. False if the other one has gone.
bool receive_with(int socket, void* message, std::size_t size, int& fd);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_WITH_DESCRIPTOR_H
