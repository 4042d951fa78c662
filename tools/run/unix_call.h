// SPDX-License-Identifier: GPL-2.0
//
// Calls with sockets of the host's (AF_UNIX): they are left alone, but for those that would ask its
// network.
#ifndef LKL_TOOL_RUN_UNIX_CALL_H
#define LKL_TOOL_RUN_UNIX_CALL_H

#include "run/guest_socket.h"

namespace lkl::tool::served {

// What comes of it. `end`: a copy of the socket. Any thread.
Outcome use_unix(const Client& client, const Notification& call, const Descriptor& end);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_UNIX_CALL_H
