// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>
#include <string>

namespace lkl::host {

// A port of the host whose connections, or datagrams, go to a port of the kernel. An address of
// IPv4 or IPv6; "" for any of the host's, and for the one that the kernel is given by DHCP.
struct HostForward {
  bool udp = false;
  std::string host_address = {};
  uint16_t host_port = 0;
  std::string guest_address = {};
  uint16_t guest_port = 0;
};

// A wire that has such ports, which come and go as long as it is there. Any thread.
class HostForwards {
 public:
  // 0 or -errno: EADDRINUSE, EACCES for a port that the host keeps for root, EINVAL for what is no
  // address.
  virtual int add_host_forward(const HostForward& forward) = 0;
  // Connections that there are stay. -ENOENT if there is none.
  virtual int remove_host_forward(bool udp, const std::string& host_address,
                                  uint16_t host_port) = 0;

 protected:
  ~HostForwards() = default;
};

}  // namespace lkl::host
