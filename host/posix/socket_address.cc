// SPDX-License-Identifier: GPL-2.0
#include "posix/socket_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <utility>

#include "host.h"
#include "net/host_port.h"

namespace lkl::host {
namespace {

// Whether there is a socket that nobody has open: who has left it did so without removing it.
bool abandoned(const std::string& path, const SocketAddress& address, int type) {
  struct stat there;
  if (::lstat(path.c_str(), &there) < 0 || !S_ISSOCK(there.st_mode)) return false;
  const Descriptor socket(::socket(address.family(), type, 0));
  return socket && ::connect(socket.get(), address.get(), address.size) < 0 &&
         errno == ECONNREFUSED;
}

std::string path_of(const SocketAddress& address) {
  if (address.family() != AF_UNIX) return {};
  return reinterpret_cast<const sockaddr_un*>(&address.storage)->sun_path;
}

}  // namespace

int unix_address(std::string_view name, SocketAddress& address) {
  auto& to = *reinterpret_cast<sockaddr_un*>(&address.storage);
  const bool abstract = name.starts_with('@');
  if (name.size() <= (abstract ? 1 : 0)) return -EINVAL;
  if (name.size() >= sizeof to.sun_path) return -ENAMETOOLONG;
  to.sun_family = AF_UNIX;
  std::ranges::copy(name, to.sun_path);
  if (abstract) to.sun_path[0] = '\0';
  // an abstract name has no end but this
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
  return 0;
}

int internet_addresses(const std::string& name, int type, std::vector<SocketAddress>& addresses,
                       std::string& why) {
  const std::optional<HostPort> place = host_port_of(name);
  if (!place) {
    why = "\"" + name + "\" is not HOST:PORT";
    return -EINVAL;
  }
  addrinfo hints = {};
  hints.ai_socktype = type;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(place->host.empty() ? nullptr : place->host.c_str(),
                                      place->port.c_str(), &hints, &list)) {
    why = "\"" + name + "\": " + ::gai_strerror(error);
    return error == EAI_SYSTEM ? -errno : error == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  for (const addrinfo* each = list; each; each = each->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    address.size = each->ai_addrlen;
    std::copy_n(reinterpret_cast<const std::byte*>(each->ai_addr), each->ai_addrlen,
                reinterpret_cast<std::byte*>(&address.storage));
  }
  return 0;
}

SocketPath::SocketPath(std::string path) : path_(std::move(path)), process_(process_id()) {}

SocketPath::~SocketPath() {
  if (!path_.empty() && process_ == process_id()) ::unlink(path_.c_str());
}

SocketPath::SocketPath(SocketPath&& other) noexcept
    : path_(std::exchange(other.path_, {})), process_(other.process_) {}

SocketPath& SocketPath::operator=(SocketPath&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(process_, other.process_);
  return *this;
}

int bind_socket(const SocketAddress& address, int type, Descriptor& socket, SocketPath& path) {
  socket = Descriptor(::socket(address.family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return -errno;
  const int on = 1;
  if (address.family() != AF_UNIX && type == SOCK_STREAM)
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const std::string name = path_of(address);
  int result = ::bind(socket.get(), address.get(), address.size);
  if (result < 0 && errno == EADDRINUSE && !name.empty() && abandoned(name, address, type)) {
    ::unlink(name.c_str());
    result = ::bind(socket.get(), address.get(), address.size);
  }
  if (result < 0) return -errno;
  if (!name.empty()) path = SocketPath(name);
  return 0;
}

}  // namespace lkl::host
