// SPDX-License-Identifier: GPL-2.0
//
// Packets in the notation of scripts, and the names of ICMP.
#include <fmt/format.h>

#include <utility>

#include "drill/wire.h"

namespace lkl::tool::drill {

namespace {

using Kind = TcpOption::Kind;

std::string hex_text(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string to_text(const Sequence& sequence) {
  return fmt::format("{}:{}({})", sequence.first, sequence.last, sequence.length);
}

std::string tcp_text(const TcpSpec& tcp) {
  std::string text = tcp.flags.empty() ? "-" : tcp.flags;
  text += " " + to_text(Sequence{tcp.first, tcp.last, tcp.length});
  if (tcp.acknowledged) text += fmt::format(" ack {}", *tcp.acknowledged);
  if (tcp.window) text += fmt::format(" win {}", *tcp.window);
  if (tcp.urgent) text += fmt::format(" urg {}", *tcp.urgent);
  if (tcp.any_options) text += " <...>";
  if (tcp.options.empty()) return text;
  const char* before = " <";
  for (const TcpOption& option : tcp.options) text += std::exchange(before, ",") + to_text(option);
  return text + ">";
}

std::string icmp_text(const IcmpSpec& icmp) {
  std::string text;
  if (icmp.about_tcp) text += "[" + to_text(*icmp.about_tcp) + "] ";
  if (icmp.about_udp) text += fmt::format("[udp ({})] ", icmp.about_udp->length);
  text += "icmp " + icmp.type;
  if (!icmp.code.empty()) text += " " + icmp.code;
  if (icmp.mtu) text += fmt::format(" mtu {}", *icmp.mtu);
  return text;
}

const char* ecn_text(Ecn ecn) {
  switch (ecn) {
    case Ecn::kNone:
      return "[noecn] ";
    case Ecn::kEct0:
      return "[ect0] ";
    case Ecn::kEct1:
      return "[ect1] ";
    case Ecn::kEct01:
      return "[ect01] ";
    case Ecn::kCe:
      return "[ce] ";
  }
  return "";
}

struct IcmpName {
  const char* type;
  const char* code;
  IcmpNumbers ipv4, ipv6;
};
// RFC 792, 4443
constexpr IcmpName kIcmpNames[] = {
    {"unreachable", "", {3, 0}, {1, 0}},
    {"unreachable", "net_unreachable", {3, 0}, {1, 0}},
    {"unreachable", "host_unreachable", {3, 1}, {1, 3}},
    {"unreachable", "protocol_unreachable", {3, 2}, {4, 1}},
    {"unreachable", "port_unreachable", {3, 3}, {1, 4}},
    {"unreachable", "frag_needed", {3, 4}, {2, 0}},
    {"unreachable", "source_route_failed", {3, 5}, {-1, -1}},
    {"unreachable", "net_unknown", {3, 6}, {-1, -1}},
    {"unreachable", "host_unknown", {3, 7}, {-1, -1}},
    {"unreachable", "admin_prohibited", {3, 13}, {1, 1}},
    {"packet_too_big", "", {3, 4}, {2, 0}},
    {"source_quench", "", {4, 0}, {-1, -1}},
    {"time_exceeded", "", {11, 0}, {3, 0}},
    {"parameter_problem", "", {12, 0}, {4, 0}},
};

}  // namespace

std::string to_text(const TcpOption& option) {
  std::string text;
  switch (option.kind) {
    case Kind::kEnd:
      return "eol";
    case Kind::kNop:
      return "nop";
    case Kind::kMss:
      return fmt::format("mss {}", option.value);
    case Kind::kWindowScale:
      return fmt::format("wscale {}", option.value);
    case Kind::kSackOk:
      return "sackOK";
    case Kind::kSack:
      text = "sack";
      for (const SackBlock& block : option.blocks)
        text += fmt::format(" {}:{}", block.left, block.right);
      return text;
    case Kind::kTimestamp:
      return fmt::format("TS val {} ecr {}", option.value, option.echo);
    case Kind::kMd5:
      text = "md5";
      break;
    case Kind::kFastOpen:
      text = option.experimental ? "FOEXP" : "FO";
      break;
    case Kind::kOther:
      text = fmt::format("option-{}", option.value);
      break;
  }
  return option.bytes.empty() ? text : text + " " + hex_text(option.bytes);
}

std::string to_text(const PacketSpec& packet) {
  std::string text = packet.inbound ? "< " : "> ";
  if (packet.ecn) text += ecn_text(*packet.ecn);
  if (const auto* tcp = std::get_if<TcpSpec>(&packet.content)) return text + tcp_text(*tcp);
  if (const auto* udp = std::get_if<UdpSpec>(&packet.content))
    return text + fmt::format("udp ({})", udp->length);
  return text + icmp_text(std::get<IcmpSpec>(packet.content));
}

IcmpNumbers icmp_numbers(const IcmpSpec& icmp, bool ipv6) {
  for (const IcmpName& name : kIcmpNames)
    if (icmp.type == name.type && icmp.code == name.code) return ipv6 ? name.ipv6 : name.ipv4;
  return {};
}

}  // namespace lkl::tool::drill
