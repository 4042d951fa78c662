// SPDX-License-Identifier: GPL-2.0
#include "net/net_kernel.h"

#include <fmt/format.h>

#include <array>
#include <mutex>

#include "base/error.h"
#include "session/session.h"

namespace lkl::tool {

namespace {

std::mutex said_mutex;
std::string said_lines;

// The library's own lines begin so; the kernel's do not.
constexpr std::string_view kOwn = "lkl: ";

void print(void*, const char* text, lkl_ulong length) {
  const std::string_view words(text, length);
  if (!words.starts_with(kOwn)) return print_console(words);
  const std::lock_guard lock(said_mutex);
  constexpr std::size_t kMost = 4096;
  if (said_lines.size() < kMost) said_lines += words.substr(kOwn.size());
}

}  // namespace

NetKernel::NetKernel(const SessionOptions& options) : options_(options) {
  lkl_set_print(print, nullptr);
}

NetKernel::~NetKernel() {
  kernel_.halt();
  lkl_netdev_free(wire_);
  lkl_set_print(nullptr, nullptr);
}

int NetKernel::open(const std::string& uri, unsigned mtu) {
  open_console(options_);
  std::error_code ec;
  kernel_ = Kernel::prepare(ec);
  if (ec) throw Failure(fmt::format("the library cannot be used: {}", describe(ec)));
  lkl_netdev_options options = {};
  options.struct_size = sizeof options;
  options.mtu = static_cast<__lkl__u16>(mtu);
  return lkl_netdev_open(uri.c_str(), &options, &wire_);
}

void NetKernel::boot() {
  const int id = lkl_netdev_add(wire_, nullptr);
  if (id < 0) throw Failure(fmt::format("the network card cannot be added: {}", lkl_strerror(id)));
  start_kernel(kernel_, options_);
  for (const char* type : {"sysfs", "proc"}) lkl_mount_fs(type);
  ifindex_ = lkl_netdev_get_ifindex(id);
  if (ifindex_ < 0)
    throw Failure(fmt::format("the network card has no interface: {}", lkl_strerror(ifindex_)));
}

std::string NetKernel::attribute(const std::string& name) const {
  // the only one beside lo
  std::string text = read_file_of_kernel("/sysfs/class/net/eth0/" + name);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string NetKernel::said() {
  const std::lock_guard lock(said_mutex);
  std::string lines = std::exchange(said_lines, {});
  while (lines.ends_with('\n')) lines.pop_back();
  return lines;
}

std::string read_file_of_kernel(const std::string& path) {
  std::string content;
  const auto fd = static_cast<int>(lkl_sys_open(path.c_str(), LKL_O_RDONLY | LKL_O_CLOEXEC, 0));
  if (fd < 0) return content;
  std::array<char, 4096> part;
  for (lkl_long count; (count = lkl_sys_read(fd, part.data(), part.size())) > 0;)
    content.append(part.data(), static_cast<std::size_t>(count));
  lkl_sys_close(static_cast<unsigned>(fd));
  return content;
}

}  // namespace lkl::tool
