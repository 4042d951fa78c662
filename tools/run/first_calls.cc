// SPDX-License-Identifier: GPL-2.0
#include "run/first_calls.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cstddef>

#include "run/open_call.h"
#include "run/program_memory.h"
#include "run/served_files.h"

namespace lkl::tool::served {

namespace {

bool opens_ours(const Notification& call) {
  const auto path = path_of_open(call);
  return path && (is_tunnel_device(*path) || served_path(*path, ""));
}

bool asks_network_by(const Notification& call) {
  ProgramDescriptors descriptors;
  const Descriptor end = descriptors.copy(call.thread, call.number(0));
  return end && asks_network(end.get(), static_cast<unsigned>(call.arguments[1]));
}

}  // namespace

bool connects_to_resolver(const Notification& call) {
  const int size = call.number(2);
  sockaddr_un address = {};
  if (size <= 0 || size > static_cast<int>(sizeof address)) return false;
  return ProgramMemory(call).read(call.arguments[1], &address, static_cast<std::size_t>(size)) &&
         is_host_resolver(reinterpret_cast<const sockaddr*>(&address),
                          static_cast<socklen_t>(size));
}

bool needs_kernel(const Notification& call) {
  if (opens_file(call)) return opens_ours(call);
  switch (call.call) {
    case SYS_socket:
      return true;
    case SYS_connect:
      return connects_to_resolver(call);
    case SYS_ioctl:
      return asks_network_by(call);
    default:
      return false;
  }
}

}  // namespace lkl::tool::served
