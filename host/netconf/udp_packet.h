// SPDX-License-Identifier: GPL-2.0
// Datagrams of UDP in IPv4, for who has no address yet to let the kernel make them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "netconf/bytes.h"

namespace lkl::host {

struct UdpPacket {
  uint32_t source = 0, destination = 0;  // host order
  uint16_t source_port = 0, destination_port = 0;
  Bytes payload;
};

std::vector<uint8_t> make_udp_packet(const UdpPacket& packet);

// What is in a packet as it has come, or nothing: not of UDP, a fragment, not as long as it says,
// or damaged. `checksum_ready`: else the host's card was to make it, and has not.
std::optional<UdpPacket> read_udp_packet(Bytes packet, bool checksum_ready);

}  // namespace lkl::host
