// SPDX-License-Identifier: GPL-2.0
#include "win32/sockets.h"

#include <afunix.h>
#include <ws2tcpip.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>

#include "net/host_port.h"
#include "win32/windows_error.h"

namespace lkl::host {

void Socket::reset() {
  if (socket_ != INVALID_SOCKET) closesocket(release());
}

int start_sockets() {
  // once, for as long as the process is there
  static const int result = [] {
    WSADATA data;
    return errno_of(static_cast<unsigned long>(WSAStartup(MAKEWORD(2, 2), &data)));
  }();
  return result;
}

int last_socket_errno() {
  return errno_of(static_cast<unsigned long>(WSAGetLastError()));
}

int make_socket(int family, int type, Socket& socket) {
  socket = Socket(
      WSASocketW(family, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
  return socket ? 0 : last_socket_errno();
}

void send_promptly(const Socket& socket, int family) {
  const int on = 1;
  if (family != AF_UNIX)
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on),
               sizeof on);
}

int open_wire_handle(Socket socket, const std::shared_ptr<WirePort>& port, WireHandle& handle) {
  return handle.open(Handle(reinterpret_cast<HANDLE>(socket.release())), port,
                     [](HANDLE raw) { closesocket(reinterpret_cast<SOCKET>(raw)); });
}

int unix_address(std::string_view name, SocketAddress& address) {
  auto& to = *reinterpret_cast<sockaddr_un*>(&address.storage);
  // Windows has no abstract ones
  if (name.empty() || name.starts_with('@')) return -EINVAL;
  if (name.size() >= sizeof to.sun_path) return -ENAMETOOLONG;
  to.sun_family = AF_UNIX;
  std::ranges::copy(name, to.sun_path);
  address.size = sizeof to;
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
  if (const int error = getaddrinfo(place->host.empty() ? nullptr : place->host.c_str(),
                                    place->port.c_str(), &hints, &list)) {
    why = "\"" + name + "\": there is no such address (error " + std::to_string(error) +
          " of Windows)";
    return errno_of(static_cast<unsigned long>(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(
      list, [](addrinfo* first) { freeaddrinfo(first); });
  for (const addrinfo* each = list; each; each = each->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    address.size = static_cast<int>(each->ai_addrlen);
    std::copy_n(reinterpret_cast<const std::byte*>(each->ai_addr), each->ai_addrlen,
                reinterpret_cast<std::byte*>(&address.storage));
  }
  return 0;
}

}  // namespace lkl::host
