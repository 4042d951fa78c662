// SPDX-License-Identifier: GPL-2.0
#include "run/open_call.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "run/program_memory.h"
#include "run/reply.h"
#include "run/served_files.h"

namespace lkl::tool::served {

namespace {

bool has_folder(const Notification& call) {
  return call.call == SYS_openat || call.call == SYS_openat2;
}

}  // namespace

bool opens_file(const Notification& call) {
  return has_folder(call) || call.call == SYS_open || call.call == SYS_creat;
}

std::optional<std::string> path_of_open(const Notification& call) {
  return ProgramMemory(call).text(call.arguments[has_folder(call) ? 1 : 0]);
}

std::optional<int> flags_of_open(const Notification& call) {
  if (call.call == SYS_creat) return O_CREAT | O_WRONLY | O_TRUNC;
  if (call.call != SYS_openat2) return call.number(call.call == SYS_open ? 1 : 2);
  const auto how = ProgramMemory(call).value<std::uint64_t>(call.arguments[2]);
  if (!how) return std::nullopt;
  return static_cast<int>(*how);
}

std::optional<Outcome> open_file(const Client& client, const Notification& call,
                                 WrittenFiles& written) {
  const auto path = path_of_open(call);
  if (!path) return Outcome::on_host();
  if (is_tunnel_device(*path)) return std::nullopt;
  const auto served = served_path(*path, client.network.sysfs);
  if (!served) return Outcome::on_host();
  const auto flags = flags_of_open(call);
  if (!flags) return Outcome{.result = -EFAULT};
  client.act();
  int error;
  const int opened = open_served(*served, *flags);
  if (opened < 0) return Outcome{.result = opened};
  const Descriptor file = is_written(*flags) ? written.open(client, opened, *flags, error)
                                             : copy_served(*served, opened, error);
  if (error < 0) return Outcome{.result = error};
  const int number = call.by->give(call.id, file.get(), (*flags & O_CLOEXEC) != 0);
  trace(call, nullptr, number);
  if (number < 0 && number != -ENOENT) return Outcome{.result = number};
  return Outcome::answered();
}

}  // namespace lkl::tool::served
