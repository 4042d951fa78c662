// SPDX-License-Identifier: GPL-2.0
#include "netconf/udp_packet.h"

#include "checksum.h"

namespace lkl::host {
namespace {

constexpr size_t kIpHeader = 20, kUdpHeader = 8;
constexpr uint8_t kUdp = 17;

uint32_t pseudo_header(uint32_t source, uint32_t destination, size_t udp_length) {
  std::vector<uint8_t> bytes;
  put32(bytes, source);
  put32(bytes, destination);
  put16(bytes, kUdp);
  put16(bytes, static_cast<uint32_t>(udp_length));
  return add_to_checksum(0, bytes);
}

}  // namespace

std::vector<uint8_t> make_udp_packet(const UdpPacket& packet) {
  const size_t udp_length = kUdpHeader + packet.payload.size();
  std::vector<uint8_t> out = {0x45, 0x10};  // low delay
  put16(out, static_cast<uint32_t>(kIpHeader + udp_length));
  put32(out, 0);  // no fragments
  out.push_back(64);
  out.push_back(kUdp);
  put16(out, 0);
  put32(out, packet.source);
  put32(out, packet.destination);
  const uint16_t header_sum = end_of_checksum(add_to_checksum(0, out));
  out[10] = static_cast<uint8_t>(header_sum >> 8);
  out[11] = static_cast<uint8_t>(header_sum);
  put16(out, packet.source_port);
  put16(out, packet.destination_port);
  put16(out, static_cast<uint32_t>(udp_length));
  put16(out, 0);
  out.insert(out.end(), packet.payload.begin(), packet.payload.end());
  uint16_t sum = end_of_checksum(add_to_checksum(
      pseudo_header(packet.source, packet.destination, udp_length), Bytes(out).subspan(kIpHeader)));
  if (sum == 0) sum = 0xffff;  // 0 says that there is none
  out[kIpHeader + 6] = static_cast<uint8_t>(sum >> 8);
  out[kIpHeader + 7] = static_cast<uint8_t>(sum);
  return out;
}

std::optional<UdpPacket> read_udp_packet(Bytes packet, bool checksum_ready) {
  if (packet.size() < kIpHeader || packet[0] >> 4 != 4) return std::nullopt;
  const size_t header = (packet[0] & 0xfu) * 4, total = be16(packet, 2);
  if (header < kIpHeader || total < header + kUdpHeader || total > packet.size())
    return std::nullopt;
  constexpr uint16_t kMoreOrLater = 0x3fff;
  if (packet[9] != kUdp || be16(packet, 6) & kMoreOrLater) return std::nullopt;
  if (end_of_checksum(add_to_checksum(0, packet.first(header))) != 0) return std::nullopt;

  UdpPacket result;
  result.source = be32(packet, 12);
  result.destination = be32(packet, 16);
  const Bytes udp = packet.first(total).subspan(header);  // what is behind is Ethernet's padding
  const size_t length = be16(udp, 4);
  if (length < kUdpHeader || length > udp.size()) return std::nullopt;
  if (checksum_ready && be16(udp, 6) != 0 &&
      end_of_checksum(add_to_checksum(pseudo_header(result.source, result.destination, length),
                                      udp.first(length))) != 0)
    return std::nullopt;
  result.source_port = be16(udp, 0);
  result.destination_port = be16(udp, 2);
  result.payload = udp.first(length).subspan(kUdpHeader);
  return result;
}

}  // namespace lkl::host
