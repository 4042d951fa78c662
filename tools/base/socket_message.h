// SPDX-License-Identifier: GPL-2.0
//
// What two processes of ours say to each other: a message at a time, by a socket that keeps them
// apart (SOCK_SEQPACKET), and a descriptor that goes with one.
#ifndef LKL_TOOL_SOCKET_MESSAGE_H
#define LKL_TOOL_SOCKET_MESSAGE_H

#include <cstddef>
#include <string>

#include "base/descriptor.h"

namespace lkl::tool {

constexpr std::size_t kLongestMessage = 8192;

// `fd` goes with it unless it is -1, and stays open here. False if the other side is gone.
bool send_message(int socket, std::string text, int fd = -1);

struct SocketMessage {
  std::string text;  // empty if the other side is gone
  Descriptor fd;
};
// Waits for one.
SocketMessage receive_message(int socket);

}  // namespace lkl::tool

#endif  // LKL_TOOL_SOCKET_MESSAGE_H
