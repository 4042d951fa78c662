// SPDX-License-Identifier: GPL-2.0
//
// Packets as they are on the wire: IPv4 and IPv6 with TCP, UDP or ICMP in them.
#ifndef LKL_TOOL_DRILL_WIRE_H
#define LKL_TOOL_DRILL_WIRE_H

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drill/script.h"

namespace lkl::tool::drill {

struct Address {
  bool ipv6 = false;
  std::array<std::uint8_t, 16> bytes = {};  // of IPv4: the first 4

  std::size_t size() const { return ipv6 ? 16 : 4; }
  bool operator==(const Address&) const = default;
};
// "192.0.2.1" or "fd3d::1"; nothing if it is neither.
std::optional<Address> parse_address(const std::string& text);
std::string to_text(const Address& address);

// One packet, with the numbers of the wire.
struct WirePacket {
  Address from, to;
  std::uint8_t ecn = 0;  // the two bits
  std::uint16_t from_port = 0, to_port = 0;
  // What a script says of it. ICMP has what it is about in `about` instead.
  PacketSpec spec;
  std::vector<std::uint8_t> about = {};  // ICMP: the begin of the packet
};

// With checksums, and zeros as content.
std::vector<std::uint8_t> build_packet(const WirePacket& packet);

// Nothing if it is not one of those above, or cut off. Checksums are not looked at: the kernel
// leaves them to its devices.
std::optional<WirePacket> read_packet(std::span<const std::uint8_t> bytes);

// In the script's notation.
std::string to_text(const PacketSpec& packet);
std::string to_text(const TcpOption& option);

// The number of a type and code of ICMP that has this name; -1 if there is none.
struct IcmpNumbers {
  int type = -1;
  int code = -1;
};
IcmpNumbers icmp_numbers(const IcmpSpec& icmp, bool ipv6);

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_WIRE_H
