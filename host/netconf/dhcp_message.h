// SPDX-License-Identifier: GPL-2.0
// Messages of DHCP for IPv4 (RFC 2131, options of RFC 2132, 3396, 3397, 3442): those of a client
// are made, those of a server are taken apart, whoever has sent them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netconf/bytes.h"

namespace lkl::host {

inline constexpr uint16_t kDhcpServerPort = 67, kDhcpClientPort = 68;

enum class DhcpType : uint8_t { kDiscover = 1, kOffer, kRequest, kDecline, kAck, kNak, kRelease };

// Who asks, and which of its questions it is.
struct DhcpClient {
  uint32_t transaction = 0;
  std::array<uint8_t, 6> mac = {};
};

struct DhcpRequest {
  DhcpType type = DhcpType::kDiscover;
  uint16_t seconds = 0;  // since it began
  // Of the offer that is taken.
  uint32_t server = 0, address = 0;
  // Instead of these, of a lease that is to go on.
  uint32_t own = 0;
};

// What is in UDP from port 68 to port 67.
std::vector<uint8_t> make_dhcp_request(const DhcpClient& client, const DhcpRequest& request);

struct DhcpRoute {
  uint32_t destination = 0;
  unsigned prefix = 0;
  uint32_t gateway = 0;  // 0: on the wire itself
};

// Addresses in host order; 0, or empty, for what the server does not say.
struct DhcpReply {
  DhcpType type = DhcpType::kOffer;
  uint32_t address = 0;
  unsigned prefix = 0;  // of the mask, or of the address's class
  uint32_t server = 0;
  // Of option 121, or of option 3 if there is none, as RFC 3442 has it.
  std::vector<DhcpRoute> routes;
  std::vector<uint32_t> nameservers;
  std::vector<std::string> search;  // of option 119, or of option 15
  uint16_t mtu = 0;
  uint32_t lease_s = 0;  // UINT32_MAX: for ever
  // When its server is to be asked for more of it, and when any: before it is over, in this order.
  uint32_t renew_s = 0, rebind_s = 0;
  std::string message;  // why not, printable
};

// The reply of a server to this client; nothing if it is none: not a DHCP message, not for us, with
// lengths that go beyond its end, or without what it must have (its sender, in an offer or ACK an
// address that a host may have).
std::optional<DhcpReply> read_dhcp_reply(const DhcpClient& client, Bytes message);

}  // namespace lkl::host
