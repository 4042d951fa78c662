// SPDX-License-Identifier: GPL-2.0
#include "drill/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "drill/calls.h"

namespace lkl::tool::drill {

namespace {

using Kind = TcpOption::Kind;

// Of the header that a message of ICMP has besides that of IP (RFC 792).
constexpr std::size_t kAboutBytes = 8;

bool has(const TcpSpec& tcp, char flag) {
  return tcp.flags.find(flag) != std::string::npos;
}

std::uint8_t ecn_bits(Ecn ecn) {
  switch (ecn) {
    case Ecn::kNone:
      return 0;
    case Ecn::kEct1:
      return 1;
    case Ecn::kEct0:
    case Ecn::kEct01:
      return 2;
    case Ecn::kCe:
      return 3;
  }
  return 0;
}

bool ecn_matches(Ecn expected, std::uint8_t bits) {
  return expected == Ecn::kEct01 ? bits == 1 || bits == 2 : bits == ecn_bits(expected);
}

bool same_option(const TcpOption& expected, const TcpOption& actual) {
  if (expected.kind != actual.kind || expected.experimental != actual.experimental) return false;
  switch (expected.kind) {
    case Kind::kTimestamp:
      // The value is the kernel's own clock, of which scripts know nothing.
      return expected.echo == actual.echo;
    case Kind::kSack:
      return std::equal(expected.blocks.begin(), expected.blocks.end(), actual.blocks.begin(),
                        actual.blocks.end(), [](const SackBlock& a, const SackBlock& b) {
                          return a.left == b.left && a.right == b.right;
                        });
    case Kind::kMd5:
      return expected.bytes.empty() || expected.bytes == actual.bytes;
    default:
      return expected.value == actual.value && expected.bytes == actual.bytes;
  }
}

std::string tcp_difference(const TcpSpec& expected, const TcpSpec& actual) {
  if (expected.flags != actual.flags) return "flags";
  if (expected.first != actual.first || expected.length != actual.length) return "sequence numbers";
  if (expected.acknowledged != actual.acknowledged) return "ack";
  if (expected.window && expected.window != actual.window) return "win";
  if (expected.urgent && expected.urgent != actual.urgent) return "urg";
  if (!expected.any_options &&
      !std::equal(expected.options.begin(), expected.options.end(), actual.options.begin(),
                  actual.options.end(), same_option))
    return "options";
  return {};
}

}  // namespace

// A SYN of the script begins a connection, unless it is the answer to one of the kernel's, or comes
// once more. All else belongs to the one that began last.
Conversation::Connection& Conversation::connection_of(const TcpSpec& inbound) {
  const bool begins = has(inbound, 'S') && !has(inbound, '.');
  if (!connections_.empty()) {
    Connection& last = connections_.back();
    const bool again = last.by_script && !last.established && last.remote_begin == inbound.first;
    const bool answer = !last.by_script && !last.remote_begin;
    if (!begins || again || answer) return last;
  }
  if (!begins) throw Mismatch("no connection has begun to which this packet could belong");
  Connection connection;
  connection.local_port = settings_.bind_port;
  connection.remote_port = next_port_++;
  connection.by_script = true;
  connections_.push_back(connection);
  return connections_.back();
}

Conversation::Connection& Conversation::connection_of(const WirePacket& outbound,
                                                      const TcpSpec& tcp) {
  for (auto i = connections_.rbegin(); i != connections_.rend(); ++i)
    if (i->local_port == outbound.from_port && i->remote_port == outbound.to_port) return *i;
  Connection connection;
  connection.local_port = outbound.from_port;
  connection.remote_port = outbound.to_port;
  // Without a SYN there is no telling; the numbers are those of the wire.
  if (!has(tcp, 'S')) connection.local_begin = 0;
  connections_.push_back(connection);
  return connections_.back();
}

void Conversation::fill_tcp(const TcpSpec& tcp, WirePacket& packet) {
  Connection& connection = connection_of(tcp);
  packet.from_port = connection.remote_port;
  packet.to_port = connection.local_port;
  TcpSpec wire = tcp;
  // Where the script's sequence begins it says itself.
  if (has(tcp, 'S'))
    connection.remote_begin = tcp.first;
  else
    wire.first += connection.remote_begin.value_or(0);
  connection.established = connection.established || !has(tcp, 'S');
  if (wire.acknowledged) *wire.acknowledged += connection.local_begin.value_or(0);
  for (TcpOption& option : wire.options) {
    for (SackBlock& block : option.blocks) {
      block.left += connection.local_begin.value_or(0);
      block.right += connection.local_begin.value_or(0);
    }
    if (option.kind != Kind::kTimestamp) continue;
    if (const auto known = time_stamps_.find(option.echo); known != time_stamps_.end())
      option.echo = known->second;
  }
  packet.spec.content = std::move(wire);
}

void Conversation::fill_icmp(const IcmpSpec& icmp, WirePacket& packet) {
  if (icmp_numbers(icmp, packet.from.ipv6).type < 0)
    throw Mismatch(
        fmt::format("icmp {} {}: there is no such message by this protocol", icmp.type, icmp.code));
  WirePacket about;
  about.from = packet.to;
  about.to = packet.from;
  if (icmp.about_udp) {
    about.from_port = udp_local_port_ != 0 ? udp_local_port_ : settings_.bind_port;
    about.to_port = udp_remote_port_ != 0 ? udp_remote_port_ : settings_.connect_port;
    about.spec.content = *icmp.about_udp;
  } else {
    if (connections_.empty()) throw Mismatch("there is no packet that this could be about");
    const Connection& connection = connections_.back();
    about.from_port = connection.local_port;
    about.to_port = connection.remote_port;
    const Sequence sequence = icmp.about_tcp.value_or(Sequence());
    TcpSpec tcp;
    tcp.flags.assign(1, '.');
    tcp.length = sequence.length;
    tcp.first = sequence.first + connection.local_begin.value_or(0);
    about.spec.content = tcp;
  }
  packet.about = build_packet(about);
  const std::size_t header = packet.from.ipv6 ? 40 : 20;
  packet.about.resize(std::min(packet.about.size(), header + kAboutBytes));
  packet.spec.content = icmp;
}

WirePacket Conversation::to_wire(const PacketSpec& packet) {
  WirePacket wire;
  wire.from = settings_.network.remote;
  wire.to = settings_.network.local;
  wire.spec.inbound = true;
  if (packet.ecn) wire.ecn = ecn_bits(*packet.ecn);
  if (const auto* tcp = std::get_if<TcpSpec>(&packet.content)) {
    fill_tcp(*tcp, wire);
  } else if (const auto* udp = std::get_if<UdpSpec>(&packet.content)) {
    wire.from_port = udp_remote_port_ != 0 ? udp_remote_port_ : settings_.connect_port;
    wire.to_port = udp_local_port_ != 0 ? udp_local_port_ : settings_.bind_port;
    wire.spec.content = *udp;
  } else {
    fill_icmp(std::get<IcmpSpec>(packet.content), wire);
  }
  return wire;
}

PacketSpec Conversation::to_script(const WirePacket& packet) {
  PacketSpec script = packet.spec;
  script.inbound = false;
  auto* const tcp = std::get_if<TcpSpec>(&script.content);
  if (tcp == nullptr) {
    udp_local_port_ = packet.from_port;
    udp_remote_port_ = packet.to_port;
    return script;
  }
  Connection& connection = connection_of(packet, *tcp);
  if (has(*tcp, 'S') && !connection.local_begin) connection.local_begin = tcp->first;
  tcp->first -= connection.local_begin.value_or(0);
  tcp->last = tcp->first + tcp->length;
  const std::uint32_t remote = connection.remote_begin.value_or(0);
  if (tcp->acknowledged) *tcp->acknowledged -= remote;
  for (TcpOption& option : tcp->options)
    for (SackBlock& block : option.blocks) {
      block.left -= remote;
      block.right -= remote;
    }
  return script;
}

std::string Conversation::difference(const PacketSpec& expected, const PacketSpec& actual,
                                     const WirePacket& wire) const {
  if (expected.content.index() != actual.content.index()) return "protocol";
  if (expected.ecn && !ecn_matches(*expected.ecn, wire.ecn))
    return fmt::format("ECN bits ({})", wire.ecn);
  if (const auto* udp = std::get_if<UdpSpec>(&expected.content))
    return udp->length == std::get<UdpSpec>(actual.content).length ? "" : "length";
  return tcp_difference(std::get<TcpSpec>(expected.content), std::get<TcpSpec>(actual.content));
}

void Conversation::remember_time_stamp(const PacketSpec& expected, const PacketSpec& actual) {
  const auto stamp_of = [](const PacketSpec& packet) -> const TcpOption* {
    const auto* const tcp = std::get_if<TcpSpec>(&packet.content);
    if (tcp == nullptr) return nullptr;
    for (const TcpOption& option : tcp->options)
      if (option.kind == Kind::kTimestamp) return &option;
    return nullptr;
  };
  const TcpOption* const named = stamp_of(expected);
  const TcpOption* const real = stamp_of(actual);
  if (named != nullptr && real != nullptr) time_stamps_[named->value] = real->value;
}

}  // namespace lkl::tool::drill
