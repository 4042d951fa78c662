// SPDX-License-Identifier: GPL-2.0
#include "run/unix_call.h"

#include <errno.h>
#include <lkl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "run/allowed_options.h"
#include "run/first_calls.h"
#include "run/served_files.h"

namespace lkl::tool::served {

namespace {

long request_of_network(unsigned number, std::uint64_t argument, const ProgramMemory& memory) {
  const auto fd = static_cast<int>(lkl_sys_socket(AF_INET, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  const long result = request(fd, number, argument, memory);
  lkl_sys_close(static_cast<unsigned>(fd));
  return result;
}

}  // namespace

Outcome use_unix(const Client& client, const Notification& call, const Descriptor& end) {
  if (call.call == SYS_ioctl) {
    const auto number = static_cast<unsigned>(call.arguments[1]);
    if (!asks_network(end.get(), number)) return Outcome::on_host();
    client.act();
    return {.result = request_of_network(number, call.arguments[2], ProgramMemory(call))};
  }
  const bool looks_up = call.call == SYS_connect && connects_to_resolver(call);
  return looks_up ? Outcome{.result = -ENOENT} : Outcome::on_host();
}

}  // namespace lkl::tool::served
