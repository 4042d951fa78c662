// SPDX-License-Identifier: GPL-2.0
//
// The numbers of a script and those of the wire: where sequences begin, ports, time stamps.
#ifndef LKL_TOOL_DRILL_CONVERSATION_H
#define LKL_TOOL_DRILL_CONVERSATION_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drill/settings.h"
#include "drill/wire.h"

namespace lkl::tool::drill {

class Conversation {
 public:
  explicit Conversation(const Settings& settings) : settings_(settings) {}

  // What the script sends to the kernel, as it is on the wire. Throws Mismatch if that can't be
  // known yet.
  WirePacket to_wire(const PacketSpec& packet);

  // What the kernel has sent, as the script would say it.
  PacketSpec to_script(const WirePacket& packet);

  // What of it the script does not expect: "flags", ...; empty if it is the same.
  std::string difference(const PacketSpec& expected, const PacketSpec& actual,
                         const WirePacket& wire) const;
  // It was the expected one: its time stamp has this name in the script from now on.
  void remember_time_stamp(const PacketSpec& expected, const PacketSpec& actual);

 private:
  struct Connection {
    std::uint16_t local_port = 0, remote_port = 0;
    bool by_script = false;    // the script's SYN was the first
    bool established = false;  // the script has sent more than that
    std::optional<std::uint32_t> local_begin, remote_begin;
  };

  Connection& connection_of(const TcpSpec& inbound);
  Connection& connection_of(const WirePacket& outbound, const TcpSpec& tcp);
  void fill_tcp(const TcpSpec& tcp, WirePacket& packet);
  void fill_icmp(const IcmpSpec& icmp, WirePacket& packet);

  const Settings& settings_;
  std::vector<Connection> connections_;
  std::map<std::uint32_t, std::uint32_t> time_stamps_;
  std::uint16_t next_port_ = 53000;
  std::uint16_t udp_local_port_ = 0, udp_remote_port_ = 0;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_CONVERSATION_H
