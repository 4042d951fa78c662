// SPDX-License-Identifier: GPL-2.0
// Packets of packetdrill's scripts on the wire, and the words of their commands; without a kernel.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "drill/conversation.h"
#include "drill/parser.h"
#include "drill/shell.h"
#include "drill/wire.h"

using namespace lkl::tool::drill;

namespace {

PacketSpec packet_of(const std::string& text) {
  return std::get<PacketSpec>(parse_script("s.pkt", "0 " + text).events.at(0).action);
}

WirePacket wire_of(const std::string& text, const char* from, const char* to) {
  WirePacket packet;
  packet.from = parse_address(from).value();
  packet.to = parse_address(to).value();
  packet.from_port = 1000;
  packet.to_port = 2000;
  packet.spec = packet_of(text);
  return packet;
}

// RFC 1071, of a header with its checksum in it: all ones.
std::uint32_t sum(const std::uint8_t* begin, const std::uint8_t* end) {
  std::uint32_t all = 0;
  for (; begin < end; begin += 2)
    all += static_cast<std::uint32_t>(begin[0] << 8) + (begin + 1 < end ? begin[1] : 0u);
  return all;
}
std::uint32_t fold(std::uint32_t all) {
  while (all > 0xffff) all = (all & 0xffff) + (all >> 16);
  return all;
}

}  // namespace

TEST(DrillWireTest, WhatIsBuiltIsRead) {
  const std::pair<const char*, const char*> kAddresses[] = {
      {"192.0.2.1", "192.168.0.1"}, {"fd3d:fa7b:d17d::1", "fd3d:a0b:17d6::1"}};
  for (const auto& [from, to] : kAddresses)
    for (const char* text :
         {"< S 7:7(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>",
          "< . 1:1(0) ack 1 win 257 <nop,nop,sack 1001:2001 3001:4001>",
          "< FP. 1:1001(1000) ack 77 win 5 <nop,nop,TS val 4000000000 ecr 5>",
          "< . 1:1(0) ack 1 win 514 <md5 000102030405060708090a0b0c0d0e0f,nop,nop>",
          "< S 0:3(3) win 1 <FO abcd1234,nop,nop>", "< SEW 0:0(0) win 0 <FOEXP abcd,nop,nop>",
          "< udp (33)"}) {
      const std::vector<std::uint8_t> bytes = build_packet(wire_of(text, from, to));
      std::optional<WirePacket> packet = read_packet(bytes);
      ASSERT_TRUE(packet) << text;
      EXPECT_EQ(to_text(packet->from), from);
      EXPECT_EQ(to_text(packet->to), to);
      EXPECT_EQ(packet->from_port, 1000);
      EXPECT_EQ(packet->to_port, 2000);
      packet->spec.inbound = true;
      EXPECT_EQ(to_text(packet->spec), text);
      // each piece that is cut off is missed
      for (std::size_t size = 0; size < bytes.size(); size++)
        EXPECT_FALSE(read_packet(std::span(bytes).first(size))) << text << " " << size;
    }
}

TEST(DrillWireTest, Checksums) {
  const std::vector<std::uint8_t> ipv4 =
      build_packet(wire_of("< P. 1:4(3) ack 1 win 9", "192.0.2.1", "192.168.0.1"));
  const std::uint8_t* const begin = ipv4.data();
  const std::uint8_t* const end = begin + ipv4.size();
  EXPECT_EQ(fold(sum(begin, begin + 20)), 0xffffu);
  const auto size = static_cast<std::uint32_t>(ipv4.size());
  EXPECT_EQ(fold(sum(begin + 12, begin + 20) + 6 + size - 20 + sum(begin + 20, end)), 0xffffu);
  const std::vector<std::uint8_t> ipv6 =
      build_packet(wire_of("< udp (5)", "fd3d:fa7b:d17d::1", "fd3d:a0b:17d6::1"));
  EXPECT_EQ(fold(sum(ipv6.data() + 8, ipv6.data() + 40) + 17 + 13 +
                 sum(ipv6.data() + 40, ipv6.data() + ipv6.size())),
            0xffffu);
}

TEST(DrillWireTest, NumbersAreThoseOfTheConversation) {
  const Settings settings(Family::kIpv4);
  Conversation conversation(settings);
  // The kernel begins at a number of its own.
  const WirePacket syn = conversation.to_wire(packet_of("< S 100:100(0) win 1000"));
  EXPECT_EQ(std::get<TcpSpec>(syn.spec.content).first, 100u);
  EXPECT_EQ(syn.to_port, 8080);
  WirePacket answer;
  answer.from = settings.network.local;
  answer.to = settings.network.remote;
  answer.from_port = syn.to_port;
  answer.to_port = syn.from_port;
  answer.spec =
      packet_of("> S. 4294967290:4294967290(0) ack 101 win 5 <nop,nop,TS val 5555 ecr 0>");
  const PacketSpec seen = conversation.to_script(answer);
  EXPECT_EQ(to_text(seen), "> S. 0:0(0) ack 1 win 5 <nop,nop,TS val 5555 ecr 0>");
  const PacketSpec expected = packet_of("> S. 0:0(0) ack 1 <nop,nop,TS val 7 ecr 0>");
  EXPECT_EQ(conversation.difference(expected, seen, answer), "");
  conversation.remember_time_stamp(expected, seen);
  const WirePacket data = conversation.to_wire(
      packet_of("< . 1:11(10) ack 1 win 9 <nop,nop,sack 11:21,nop,nop,TS val 1 ecr 7>"));
  const auto& tcp = std::get<TcpSpec>(data.spec.content);
  EXPECT_EQ(tcp.first, 101u);
  EXPECT_EQ(tcp.acknowledged, 4294967291u);
  EXPECT_EQ(tcp.options[2].blocks[0].left, 5u);
  EXPECT_EQ(tcp.options[5].echo, 5555u);
  // a packet before any connection, and one of a second connection
  Conversation empty(settings);
  EXPECT_ANY_THROW(empty.to_wire(packet_of("< . 1:1(0) ack 1 win 9")));
  const WirePacket second = conversation.to_wire(packet_of("< S 0:0(0) win 1000"));
  EXPECT_NE(second.from_port, syn.from_port);
}

TEST(DrillWireTest, EachDifferenceHasItsName) {
  const Settings settings(Family::kIpv4);
  const Conversation conversation(settings);
  const WirePacket wire;
  const auto difference = [&](const char* expected, const char* actual) {
    return conversation.difference(packet_of(expected), packet_of(actual), wire);
  };
  EXPECT_EQ(difference("> P. 1:2(1) ack 1", "> P. 1:2(1) ack 1 win 7 "), "");
  EXPECT_EQ(difference("> P. 1:2(1) ack 1", "> . 1:2(1) ack 1"), "flags");
  EXPECT_EQ(difference("> P. 1:2(1) ack 1", "> P. 1:3(2) ack 1"), "sequence numbers");
  EXPECT_EQ(difference("> P. 1:2(1) ack 1", "> P. 1:2(1) ack 2"), "ack");
  EXPECT_EQ(difference("> P. 1:2(1) ack 1 win 6", "> P. 1:2(1) ack 1 win 7"), "win");
  EXPECT_EQ(difference("> S 0:0(0) <mss 1460>", "> S 0:0(0) <mss 1400>"), "options");
  EXPECT_EQ(difference("> S 0:0(0)", "> S 0:0(0) <mss 1400>"), "options");
  EXPECT_EQ(difference("> S 0:0(0) <...>", "> S 0:0(0) <mss 1400>"), "");
  EXPECT_EQ(difference("> udp (1)", "> udp (2)"), "length");
  EXPECT_EQ(difference("> udp (1)", "> S 0:0(0)"), "protocol");
  EXPECT_EQ(difference("> [ect0] . 1:1(0) ack 1", "> . 1:1(0) ack 1"), "ECN bits (0)");
}

TEST(DrillShellTest, Words) {
  const auto words = [](const char* text) {
    std::string all;
    for (const ShellCommand& command : split_commands(text)) {
      constexpr const char* kLinks[] = {"; ", "&& ", "|| ", "| "};
      all += kLinks[static_cast<std::size_t>(command.link)];
      for (const std::string& word : command.words) all += "<" + word + ">";
    }
    return all;
  };
  EXPECT_EQ(words("./defaults.sh\n ./a b \\\n  c=d # e\n"), "; <./defaults.sh>; <./a><b><c=d>");
  EXPECT_EQ(words("sysctl -q a=\"4096 $((15*1024*(1+2)-1)) x\""), "; <sysctl><-q><a=4096 46079 x>");
  EXPECT_EQ(words("grep \" 0A \" /a 'b c' | grep ':1F90' && x || y; z"),
            "; <grep>< 0A ></a><b c>| <grep><:1F90>&& <x>|| <y>; <z>");
  EXPECT_EQ(words("ip tcp_metrics flush all > /dev/null 2>&1\n"),
            "; <ip><tcp_metrics><flush><all>");
  EXPECT_EQ(words("/tmp/sysctl_restore_${PPID}.sh"), "; </tmp/sysctl_restore_0.sh>");
  // what would do something on the host
  for (const char* text : {"echo x > /etc/passwd", "$HOME/x", "a & b", "a < b", "x $(ls)", "'x"})
    EXPECT_THROW(split_commands(text), lkl::tool::Failure) << text;
}

// None of these is run, whatever it is.
TEST(DrillShellTest, UnknownCommandsAreErrors) {
  const std::pair<const char*, const char*> kUnknown[] = {
      {"touch /tmp/lkl-drill-must-not-be", "'touch /tmp/lkl-drill-must-not-be' is not known"},
      {"ip route flush all", "only 'ip tcp_metrics flush all' is known"},
      {"tc qdisc add dev tun0 root netem delay 1ms", "only 'tc qdisc add|replace"},
      {"sysctl -a", "only -q, -w, -e and NAME=VALUE"},
      {"set_sysctls.py /etc/x=1", "/proc/FILE=VALUE is needed"},
      {"grep a.c /proc/net/tcp", "with no signs"},
      {"./no-such-file.sh", "no-such-file.sh: No such file"},
  };
  for (const auto& [text, message] : kUnknown) try {
      GuestShell("/nowhere").run(text);
      ADD_FAILURE() << text;
    } catch (const lkl::tool::Failure& failure) {
      EXPECT_NE(std::string(failure.what()).find(message), std::string::npos) << failure.what();
    }
}
