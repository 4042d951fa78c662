// SPDX-License-Identifier: GPL-2.0
#include "run/open_call.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "run/guest_namespaces.h"
#include "run/program_memory.h"
#include "run/reply.h"
#include "run/served_files.h"

namespace lkl::tool::served {

bool opens_file(const Notification& call) {
  return call.call == SYS_open || call.call == SYS_openat || call.call == SYS_openat2;
}

Outcome open_file(const Client& client, const Notification& call) {
  const bool at = call.call != SYS_open;
  const ProgramMemory memory(client.listener, call);
  const auto path = memory.text(call.arguments[at ? 1 : 0]);
  if (!path) return Outcome::on_host();
  const auto served = served_path(*path, client.network.sysfs);
  if (!served) return Outcome::on_host();
  int flags = call.number(at ? 2 : 1);
  if (call.call == SYS_openat2) {
    const auto how = memory.value<std::uint64_t>(call.arguments[2]);
    if (!how) return {.result = -EFAULT};
    flags = static_cast<int>(*how);
  }
  enter_network(client.network);
  int error;
  const Descriptor file = open_served(*served, flags, error);
  if (error < 0) return {.result = error};
  const int number = client.listener.give(call.id, file.get(), (flags & O_CLOEXEC) != 0);
  trace(call, nullptr, number);
  if (number < 0 && number != -ENOENT) return {.result = number};
  return Outcome::answered();
}

}  // namespace lkl::tool::served
