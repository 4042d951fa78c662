// SPDX-License-Identifier: GPL-2.0
//
// Files of the host that tell of its network: programs get our kernel's instead.
#ifndef LKL_TOOL_RUN_SERVED_FILES_H
#define LKL_TOOL_RUN_SERVED_FILES_H

#include <sys/socket.h>

#include <optional>
#include <string>

#include "base/descriptor.h"

namespace lkl::tool::served {

// The file's name in our kernel; nothing if it is the host's. `path` is as the program says it,
// `sysfs` where that of its network is.
std::optional<std::string> served_path(const std::string& path, const std::string& sysfs);

// Whether it is opened to be written to: flags are those of open(2).
bool is_written(int flags);

// A descriptor of it in our kernel, or a negative error.
int open_served(const std::string& path_in_kernel, int flags);

// What the program gets of it to read: a copy of what is in there now. Closes the descriptor. An
// error of the host, negative, in `error` if it is empty.
Descriptor copy_served(const std::string& path_in_kernel, int fd, int& error);

// /dev/net/tun: who opens it makes interfaces of our kernel. It is there once root has made it.
bool is_tunnel_device(const std::string& path);
void make_tunnel_device();
// A descriptor of it, or a negative error.
int open_tunnel_device();

// Whether this request of a socket of AF_UNIX is about interfaces, routes, neighbours: those are of
// any socket, whatever its family. if_nametoindex() makes such a one for it.
bool asks_network(int fd, unsigned request);

// A socket of the host's by which it would resolve names in the program's place.
bool is_host_resolver(const std::string& socket_path);
// The same of an address; of none, or of another family, it is not.
bool is_host_resolver(const sockaddr* address, socklen_t size);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_SERVED_FILES_H
