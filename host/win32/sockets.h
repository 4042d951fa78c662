// SPDX-License-Identifier: GPL-2.0
// Sockets of Windows, and where they are by name.
#pragma once

#include <winsock2.h>

#include <windows.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "win32/wire_port.h"

namespace lkl::host {

struct SocketAddress {
  sockaddr_storage storage = {};
  int size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

class Socket final {
 public:
  Socket() = default;
  explicit Socket(SOCKET socket) : socket_(socket) {}
  ~Socket() { reset(); }
  Socket(Socket&& other) noexcept : socket_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }

  explicit operator bool() const { return socket_ != INVALID_SOCKET; }
  SOCKET get() const { return socket_; }
  SOCKET release() { return std::exchange(socket_, INVALID_SOCKET); }
  void reset();

 private:
  SOCKET socket_ = INVALID_SOCKET;
};

// Before any other: 0 or -errno.
int start_sockets();
// What has just failed, as -errno.
int last_socket_errno();
// 0 or -errno.
int make_socket(int family, int type, Socket& socket);
// What is sent goes out at once, not when there is more.
void send_promptly(const Socket& socket, int family);
// Given to the port.
int open_wire_handle(Socket socket, const std::shared_ptr<WirePort>& port, WireHandle& handle);

// A path. 0, -EINVAL, -ENAMETOOLONG.
int unix_address(std::string_view name, SocketAddress& address);
// "HOST:PORT", "[HOST]:PORT"; without a HOST any of this machine. May ask name servers. 0, or
// -errno and why.
int internet_addresses(const std::string& name, int type, std::vector<SocketAddress>& addresses,
                       std::string& why);

}  // namespace lkl::host
