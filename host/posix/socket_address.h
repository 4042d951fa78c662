// SPDX-License-Identifier: GPL-2.0
// Where sockets are, by name.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "descriptor.h"

namespace lkl::host {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// A path, or "@NAME" of the abstract ones, which are in no directory. 0, -EINVAL without a name,
// -ENAMETOOLONG.
int unix_address(std::string_view name, SocketAddress& address);

// "HOST:PORT", "[HOST]:PORT"; without a HOST any of this machine. `type` is SOCK_STREAM, .... May
// ask name servers. 0, or -errno and why.
int internet_addresses(const std::string& name, int type, std::vector<SocketAddress>& addresses,
                       std::string& why);

// A name in the file system that goes with its owner; in the process that has made it.
class SocketPath final {
 public:
  SocketPath() = default;
  explicit SocketPath(std::string path);
  ~SocketPath();
  SocketPath(SocketPath&& other) noexcept;
  SocketPath& operator=(SocketPath&& other) noexcept;

 private:
  std::string path_;
  uint64_t process_ = 0;
};

// A socket at this address, of these flags of socket(2). What somebody who is no more has left at
// a path is replaced. 0 or -errno.
int bind_socket(const SocketAddress& address, int type, Descriptor& socket, SocketPath& path);

}  // namespace lkl::host
