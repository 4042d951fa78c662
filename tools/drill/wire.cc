// SPDX-License-Identifier: GPL-2.0
#include "drill/wire.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "drill/packet_parser.h"

namespace lkl::tool::drill {

namespace {

using Bytes = std::vector<std::uint8_t>;
using Kind = TcpOption::Kind;

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmp6 = 58;
constexpr std::uint8_t kTimeToLive = 255;
constexpr std::size_t kIpv4Header = 20, kIpv6Header = 40, kTcpHeader = 20, kUdpHeader = 8,
                      kIcmpHeader = 8;
// The bits of the byte with the flags, from the lowest.
constexpr std::string_view kFlags = "FSRP.UEW";
// Options of TCP by their numbers.
constexpr std::uint8_t kOptionNumbers[] = {0, 1, 2, 3, 4, 5, 8, 19, 34};
constexpr std::uint8_t kExperiment = 254;
constexpr std::uint16_t kFastOpenMagic = 0xf989;

void put16(Bytes& to, std::uint32_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

void put32(Bytes& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value);
}

void put(Bytes& to, std::span<const std::uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void put(Bytes& to, const Address& address) {
  put(to, std::span(address.bytes).first(address.size()));
}

void set16(Bytes& in, std::size_t at, std::uint32_t value) {
  in[at] = static_cast<std::uint8_t>(value >> 8);
  in[at + 1] = static_cast<std::uint8_t>(value);
}

std::uint32_t get16(std::span<const std::uint8_t> from, std::size_t at) {
  return static_cast<std::uint32_t>(from[at] << 8 | from[at + 1]);
}

std::uint32_t get32(std::span<const std::uint8_t> from, std::size_t at) {
  return get16(from, at) << 16 | get16(from, at + 2);
}

std::uint64_t sum16(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += get16(bytes, i);
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint64_t>(bytes.back()) << 8;
  return sum;
}

std::uint16_t checksum(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// Of TCP, UDP and ICMPv6: with the addresses and the protocol.
std::uint16_t checksum(const WirePacket& packet, std::uint8_t protocol, const Bytes& content) {
  return checksum(sum16(packet.from.bytes) + sum16(packet.to.bytes) + protocol + content.size() +
                  sum16(content));
}

void put_option(Bytes& to, const TcpOption& option) {
  const bool experiment = option.kind == Kind::kFastOpen && option.experimental;
  if (option.kind == Kind::kOther)
    to.push_back(static_cast<std::uint8_t>(option.value));
  else
    to.push_back(experiment ? kExperiment : kOptionNumbers[static_cast<std::size_t>(option.kind)]);
  if (option.kind == Kind::kEnd || option.kind == Kind::kNop) return;
  to.push_back(static_cast<std::uint8_t>(size_of(option)));
  switch (option.kind) {
    case Kind::kMss:
      put16(to, option.value);
      break;
    case Kind::kWindowScale:
      to.push_back(static_cast<std::uint8_t>(option.value));
      break;
    case Kind::kTimestamp:
      put32(to, option.value);
      put32(to, option.echo);
      break;
    case Kind::kSack:
      for (const SackBlock& block : option.blocks) {
        put32(to, block.left);
        put32(to, block.right);
      }
      break;
    case Kind::kMd5:
      put(to, option.bytes);
      to.resize(to.size() + size_of(option) - 2 - option.bytes.size());
      break;
    default:
      if (experiment) put16(to, kFastOpenMagic);
      put(to, option.bytes);
  }
}

Bytes build_tcp(const WirePacket& packet, const TcpSpec& tcp) {
  Bytes out;
  put16(out, packet.from_port);
  put16(out, packet.to_port);
  put32(out, tcp.first);
  put32(out, tcp.acknowledged.value_or(0));
  std::uint8_t flags = 0;
  for (std::size_t bit = 0; bit < kFlags.size(); bit++)
    if (tcp.flags.find(kFlags[bit]) != std::string::npos)
      flags = static_cast<std::uint8_t>(flags | 1u << bit);
  put16(out, flags);
  put16(out, tcp.window.value_or(0));
  put16(out, 0);
  put16(out, tcp.urgent.value_or(0));
  for (const TcpOption& option : tcp.options) put_option(out, option);
  out[12] = static_cast<std::uint8_t>(out.size() / 4 << 4);
  out.resize(out.size() + tcp.length);
  set16(out, 16, checksum(packet, kTcp, out));
  return out;
}

Bytes build_udp(const WirePacket& packet, const UdpSpec& udp) {
  Bytes out;
  put16(out, packet.from_port);
  put16(out, packet.to_port);
  put16(out, static_cast<std::uint32_t>(kUdpHeader) + udp.length);
  put16(out, 0);
  out.resize(out.size() + udp.length);
  const std::uint16_t sum = checksum(packet, kUdp, out);
  // 0 means that there is none
  set16(out, 6, sum == 0 ? 0xffff : sum);
  return out;
}

Bytes build_icmp(const WirePacket& packet, const IcmpSpec& icmp) {
  const bool ipv6 = packet.from.ipv6;
  const IcmpNumbers numbers = icmp_numbers(icmp, ipv6);
  Bytes out;
  out.push_back(static_cast<std::uint8_t>(numbers.type));
  out.push_back(static_cast<std::uint8_t>(numbers.code));
  put16(out, 0);
  put32(out, icmp.mtu.value_or(0));
  put(out, packet.about);
  set16(out, 2, ipv6 ? checksum(packet, kIcmp6, out) : checksum(sum16(out)));
  return out;
}

TcpOption read_option(std::uint8_t number, std::span<const std::uint8_t> content) {
  TcpOption option;
  const std::size_t size = content.size();
  const auto is = [&](Kind kind) {
    return number == kOptionNumbers[static_cast<std::size_t>(kind)];
  };
  if (is(Kind::kMss) && size == 2) {
    option.kind = Kind::kMss;
    option.value = get16(content, 0);
  } else if (is(Kind::kWindowScale) && size == 1) {
    option.kind = Kind::kWindowScale;
    option.value = content[0];
  } else if (is(Kind::kSackOk) && size == 0) {
    option.kind = Kind::kSackOk;
  } else if (is(Kind::kSack) && size % 8 == 0) {
    option.kind = Kind::kSack;
    for (std::size_t i = 0; i < size; i += 8)
      option.blocks.push_back({get32(content, i), get32(content, i + 4)});
  } else if (is(Kind::kTimestamp) && size == 8) {
    option.kind = Kind::kTimestamp;
    option.value = get32(content, 0);
    option.echo = get32(content, 4);
  } else if (is(Kind::kMd5) && size == 16) {
    option.kind = Kind::kMd5;
    option.bytes.assign(content.begin(), content.end());
  } else if (is(Kind::kFastOpen)) {
    option.kind = Kind::kFastOpen;
    option.bytes.assign(content.begin(), content.end());
  } else if (number == kExperiment && size >= 2 && get16(content, 0) == kFastOpenMagic) {
    option.kind = Kind::kFastOpen;
    option.experimental = true;
    option.bytes.assign(content.begin() + 2, content.end());
  } else {
    option.kind = Kind::kOther;
    option.value = number;
    option.bytes.assign(content.begin(), content.end());
  }
  return option;
}

bool read_options(std::span<const std::uint8_t> bytes, std::vector<TcpOption>& options) {
  while (!bytes.empty()) {
    if (bytes[0] == 0 || bytes[0] == 1) {
      options.emplace_back();
      options.back().kind = bytes[0] == 0 ? Kind::kEnd : Kind::kNop;
      bytes = bytes.subspan(1);
      continue;
    }
    if (bytes.size() < 2 || bytes[1] < 2 || bytes[1] > bytes.size()) return false;
    options.push_back(read_option(bytes[0], bytes.subspan(2, bytes[1] - 2u)));
    bytes = bytes.subspan(bytes[1]);
  }
  return true;
}

bool read_tcp(std::span<const std::uint8_t> bytes, WirePacket& packet) {
  if (bytes.size() < kTcpHeader) return false;
  const std::size_t header = (bytes[12] >> 4) * 4u;
  if (header < kTcpHeader || header > bytes.size()) return false;
  TcpSpec tcp;
  packet.from_port = static_cast<std::uint16_t>(get16(bytes, 0));
  packet.to_port = static_cast<std::uint16_t>(get16(bytes, 2));
  for (std::size_t bit = 0; bit < kFlags.size(); bit++)
    if ((bytes[13] >> bit & 1) != 0) tcp.flags += kFlags[bit];
  tcp.length = static_cast<std::uint32_t>(bytes.size() - header);
  tcp.first = get32(bytes, 4);
  tcp.last = tcp.first + tcp.length;
  if (tcp.flags.find('.') != std::string::npos) tcp.acknowledged = get32(bytes, 8);
  tcp.window = static_cast<std::uint16_t>(get16(bytes, 14));
  if (tcp.flags.find('U') != std::string::npos)
    tcp.urgent = static_cast<std::uint16_t>(get16(bytes, 18));
  if (!read_options(bytes.first(header).subspan(kTcpHeader), tcp.options)) return false;
  packet.spec.content = std::move(tcp);
  return true;
}

bool read_udp(std::span<const std::uint8_t> bytes, WirePacket& packet) {
  if (bytes.size() < kUdpHeader) return false;
  packet.from_port = static_cast<std::uint16_t>(get16(bytes, 0));
  packet.to_port = static_cast<std::uint16_t>(get16(bytes, 2));
  packet.spec.content = UdpSpec{static_cast<std::uint32_t>(bytes.size() - kUdpHeader)};
  return true;
}

}  // namespace

std::optional<Address> parse_address(const std::string& text) {
  Address address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) return address;
  address.ipv6 = true;
  if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string to_text(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.ipv6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof(text));
  return text;
}

Bytes build_packet(const WirePacket& packet) {
  Bytes content;
  std::uint8_t protocol = 0;
  if (const auto* tcp = std::get_if<TcpSpec>(&packet.spec.content)) {
    protocol = kTcp;
    content = build_tcp(packet, *tcp);
  } else if (const auto* udp = std::get_if<UdpSpec>(&packet.spec.content)) {
    protocol = kUdp;
    content = build_udp(packet, *udp);
  } else if (const auto* icmp = std::get_if<IcmpSpec>(&packet.spec.content)) {
    protocol = packet.from.ipv6 ? kIcmp6 : kIcmp;
    content = build_icmp(packet, *icmp);
  }
  Bytes out;
  if (packet.from.ipv6) {
    put32(out, 6u << 28 | static_cast<std::uint32_t>(packet.ecn) << 20);
    put16(out, static_cast<std::uint32_t>(content.size()));
    out.push_back(protocol);
    out.push_back(kTimeToLive);
    put(out, packet.from);
    put(out, packet.to);
  } else {
    out.push_back(4 << 4 | kIpv4Header / 4);
    out.push_back(packet.ecn);
    put16(out, static_cast<std::uint32_t>(kIpv4Header + content.size()));
    put32(out, 0);
    out.push_back(kTimeToLive);
    out.push_back(protocol);
    put16(out, 0);
    put(out, packet.from);
    put(out, packet.to);
    set16(out, 10, checksum(sum16(out)));
  }
  put(out, content);
  return out;
}

std::optional<WirePacket> read_packet(std::span<const std::uint8_t> bytes) {
  WirePacket packet;
  if (bytes.empty()) return std::nullopt;
  const bool ipv6 = bytes[0] >> 4 == 6;
  std::size_t header = kIpv6Header;
  std::uint8_t protocol = 0;
  std::size_t size = 0;
  if (ipv6) {
    if (bytes.size() < header) return std::nullopt;
    packet.ecn = bytes[1] >> 4 & 3;
    protocol = bytes[6];
    // A jumbo packet that TCP leaves to be cut has no length.
    const std::uint32_t length = get16(bytes, 4);
    size = length == 0 ? bytes.size() : header + length;
  } else {
    header = (bytes[0] & 15) * 4u;
    if (bytes[0] >> 4 != 4 || header < kIpv4Header || bytes.size() < header) return std::nullopt;
    packet.ecn = bytes[1] & 3;
    protocol = bytes[9];
    const std::uint32_t length = get16(bytes, 2);
    size = length == 0 ? bytes.size() : length;
  }
  if (size < header || size > bytes.size()) return std::nullopt;
  packet.from.ipv6 = packet.to.ipv6 = ipv6;
  const std::size_t address = packet.from.size();
  const std::size_t at = ipv6 ? 8 : 12;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), address, packet.from.bytes.begin());
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at + address), address,
              packet.to.bytes.begin());
  const std::span<const std::uint8_t> content = bytes.subspan(header, size - header);
  const bool known = protocol == kTcp   ? read_tcp(content, packet)
                     : protocol == kUdp ? read_udp(content, packet)
                                        : false;
  if (!known) return std::nullopt;
  return packet;
}

}  // namespace lkl::tool::drill
