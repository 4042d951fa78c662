// SPDX-License-Identifier: GPL-2.0
#include "run/served_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <lkl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace lkl::tool::served {

namespace {

constexpr std::string_view kFiles[] = {"/etc/hosts", "/etc/resolv.conf"};
constexpr char kTunnel[] = "/dev/net/tun";
constexpr std::string_view kResolvers[] = {"/run/nscd/socket", "/var/run/nscd/socket",
                                           "/run/systemd/resolve/io.systemd.Resolve",
                                           "/run/systemd/resolve/io.systemd.Resolve.Monitor"};

// Without "//" and "/./"; as it is if it has "..", which may follow a link.
std::string plain(const std::string& path) {
  std::string text;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part(path.data() + at, end - at);
    if (!part.empty() && part != ".") text.append("/").append(part);
    at = end + 1;
  }
  return text;
}

// "net/tcp" of "/proc/self/net/tcp", "/proc/17/net/tcp", "/proc/self/task/18/net/tcp".
std::optional<std::string_view> below_process(std::string_view path) {
  constexpr std::string_view kRoot = "/proc/";
  if (!path.starts_with(kRoot)) return std::nullopt;
  path.remove_prefix(kRoot.size());
  const auto take_part = [&path] {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    return part;
  };
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  };
  if (path == "net" || path.starts_with("net/")) return path;
  const std::string_view process = take_part();
  if (process != "self" && process != "thread-self" && !is_number(process)) return std::nullopt;
  if (path.starts_with("task/")) {
    take_part();
    take_part();
  }
  if (path == "net" || path.starts_with("net/")) return path;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> served_path(const std::string& given, const std::string& sysfs) {
  if (!given.starts_with('/')) return std::nullopt;
  const std::string path = plain(given);
  if (std::ranges::find(kFiles, path) != std::end(kFiles)) return path;
  // not the process', whose first thread may have another network
  if (const auto below = below_process(path)) return "/proc/thread-self/" + std::string(*below);
  if (path == "/proc/sys/net" || path.starts_with("/proc/sys/net/")) return path;
  if (path == "/sys/class/net" || path.starts_with("/sys/class/net/"))
    return sysfs + path.substr(std::string_view("/sys").size());
  return std::nullopt;
}

bool is_written(int flags) {
  return (flags & O_PATH) == 0 && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0);
}

int open_served(const std::string& path, int flags) {
  // both kernels have the same
  constexpr int kTaken = O_ACCMODE | O_TRUNC | O_CREAT | O_EXCL | O_APPEND | O_DIRECTORY;
  return static_cast<int>(
      lkl_sys_open(path.c_str(), (flags & kTaken) | LKL_O_CLOEXEC | LKL_O_NONBLOCK, 0644));
}

Descriptor copy_served(const std::string& path, int fd, int& error) {
  const Descriptor copy(::memfd_create(path.c_str(), MFD_CLOEXEC));
  std::array<char, 64 << 10> part;
  lkl_long count = copy ? 1 : -errno;
  while (count > 0) {
    count = lkl_sys_read(static_cast<unsigned>(fd), part.data(), part.size());
    if (count > 0 && ::write(copy.get(), part.data(), static_cast<std::size_t>(count)) != count)
      count = -ENOSPC;
  }
  lkl_sys_close(static_cast<unsigned>(fd));
  error = static_cast<int>(count == -LKL_EISDIR ? -EACCES : count);
  if (error < 0) return {};
  Descriptor readable(
      ::open(fmt::format("/proc/self/fd/{}", copy.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable) error = -errno;
  return readable;
}

bool is_tunnel_device(const std::string& path) {
  return path.starts_with('/') && plain(path) == kTunnel;
}

void make_tunnel_device() {
  // as devtmpfs would have it, which is not mounted there
  constexpr unsigned kNumber = 10 << 8 | 200;
  for (const char* folder : {"/dev", "/dev/net"}) lkl_sys_mkdir(folder, 0755);
  lkl_sys_mknod(kTunnel, LKL_S_IFCHR, kNumber);
  lkl_sys_chmod(kTunnel, 0666);  // whatever umask there is
}

int open_tunnel_device() {
  return static_cast<int>(lkl_sys_open(kTunnel, LKL_O_RDWR | LKL_O_CLOEXEC | LKL_O_NONBLOCK, 0));
}

bool asks_network(int fd, unsigned request) {
  if (request < SIOCADDRT || request >= SIOCPROTOPRIVATE) return false;
  int family = -1;
  socklen_t size = sizeof family;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_UNIX;
}

bool is_host_resolver(const std::string& socket_path) {
  return std::ranges::find(kResolvers, socket_path) != std::end(kResolvers);
}

bool is_host_resolver(const sockaddr* address, socklen_t size) {
  constexpr socklen_t kHead = offsetof(sockaddr_un, sun_path);
  if (address == nullptr || size <= kHead || address->sa_family != AF_UNIX) return false;
  const auto* const name = reinterpret_cast<const sockaddr_un*>(address);
  return is_host_resolver(std::string(name->sun_path, ::strnlen(name->sun_path, size - kHead)));
}

}  // namespace lkl::tool::served
