// SPDX-License-Identifier: GPL-2.0
// Whose frames are whose on an address that two stacks share. The host's interpreter of filters is
// the judge of what comes in: a filter looks at a datagram as it looks at a frame.
#include "posix/shared_address.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "net/open.h"
#include "support/child.h"

namespace {

using lkl::host::IoVec;
using lkl::host::PortRange;
using Bytes = std::vector<uint8_t>;

const std::vector<PortRange> kPorts = {{80, 80}, {5000, 5009}};

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes ethernet(uint16_t type) {
  Bytes bytes(14);
  bytes[12] = static_cast<uint8_t>(type >> 8);
  bytes[13] = static_cast<uint8_t>(type);
  return bytes;
}
Bytes v4(uint8_t protocol, unsigned words = 5, uint16_t fragment = 0) {
  Bytes bytes(4 * words);
  bytes[0] = static_cast<uint8_t>(0x40 | words);
  bytes[6] = static_cast<uint8_t>(fragment >> 8);
  bytes[7] = static_cast<uint8_t>(fragment);
  bytes[9] = protocol;
  return ethernet(0x0800) + bytes;
}
Bytes v6(uint8_t next) {
  Bytes bytes(40);
  bytes[0] = 0x60;
  bytes[6] = next;
  return ethernet(0x86dd) + bytes;
}
Bytes v6_fragment(uint8_t next, uint8_t offset) {
  return v6(44) + Bytes{next, 0, 0, static_cast<uint8_t>(offset << 3), 0, 0, 0, 0};
}
Bytes ports(uint16_t from, uint16_t to) {
  return Bytes{static_cast<uint8_t>(from >> 8), static_cast<uint8_t>(from),
               static_cast<uint8_t>(to >> 8), static_cast<uint8_t>(to)} +
         Bytes(16);
}
Bytes kind(uint8_t number) {
  return Bytes{number} + Bytes(20);
}
Bytes arp(uint8_t operation) {
  return ethernet(0x0806) + Bytes{0, 1, 8, 0, 6, 4, 0, operation} + Bytes(20);
}

bool comes_in(const Bytes& frame) {
  std::vector<sock_filter> code = lkl::host::incoming_filter(kPorts);
  const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
  std::array<int, 2> ends;
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends.data()), 0);
  EXPECT_EQ(setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
  send(ends[0], frame.data(), frame.size(), MSG_DONTWAIT);
  Bytes room(2000);
  const ssize_t got = recv(ends[1], room.data(), room.size(), MSG_DONTWAIT);
  for (const int end : ends) close(end);
  if (got < 0) return false;
  EXPECT_EQ(static_cast<size_t>(got), frame.size());
  return true;
}

bool goes_out(Bytes frame) {
  // in pieces, as a driver has it
  const std::array<IoVec, 3> pieces = {IoVec{frame.data(), 14}, IoVec{nullptr, 0},
                                       IoVec{frame.data() + 14, frame.size() - 14}};
  return lkl::host::may_go_out(pieces, kPorts);
}

constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1, kIcmp6 = 58, kIgmp = 2;

}  // namespace

TEST(SharedAddress, PortsAreARangeOrSome) {
  std::vector<PortRange> found;
  EXPECT_TRUE(lkl::host::parse_ports("80+5000-5009", found));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, 80);
  EXPECT_EQ(found[0].last, 80);
  EXPECT_EQ(found[1].first, 5000);
  EXPECT_EQ(found[1].last, 5009);
  EXPECT_TRUE(lkl::host::parse_ports("1+2+3+4+5+6+7+65535", found));
  for (const char* none :
       {"", "0", "80-", "-80", "90-80", "80+", "65536", "80,90", "x", "1+2+3+4+5+6+7+8+9"})
    EXPECT_FALSE(lkl::host::parse_ports(none, found)) << none;
}

TEST(SharedAddress, PortsSayWhoseASegmentIs) {
  for (const uint8_t protocol : {kTcp, kUdp})
    for (const unsigned words : {5u, 6u, 15u})
      for (const auto& [port, ours] : {std::pair(79, false),
                                       {80, true},
                                       {81, false},
                                       {4999, false},
                                       {5000, true},
                                       {5009, true},
                                       {5010, false}}) {
        const auto number = static_cast<uint16_t>(port);
        EXPECT_EQ(comes_in(v4(protocol, words) + ports(9, number)), ours) << port;
        EXPECT_EQ(goes_out(v4(protocol, words) + ports(number, 9)), ours) << port;
        EXPECT_EQ(comes_in(v6(protocol) + ports(9, number)), ours) << port;
        EXPECT_EQ(goes_out(v6(protocol) + ports(number, 9)), ours) << port;
        EXPECT_EQ(comes_in(v6_fragment(protocol, 0) + ports(9, number)), ours) << port;
        EXPECT_EQ(goes_out(v6_fragment(protocol, 0) + ports(number, 9)), ours) << port;
        EXPECT_FALSE(comes_in(v4(protocol, words) + ports(number, 9))) << "the other one";
      }
}

TEST(SharedAddress, LaterFragmentsAreForBoth) {
  constexpr uint16_t kMore = 0x2000;
  EXPECT_FALSE(comes_in(v4(kUdp, 5, kMore) + ports(9, 9)));
  EXPECT_TRUE(comes_in(v4(kUdp, 5, kMore) + ports(9, 80)));
  EXPECT_TRUE(comes_in(v4(kUdp, 5, 1) + ports(9, 9)));
  EXPECT_TRUE(goes_out(v4(kUdp, 5, 1) + ports(9, 9)));
  EXPECT_TRUE(comes_in(v6_fragment(kUdp, 1) + ports(9, 9)));
  EXPECT_TRUE(goes_out(v6_fragment(kUdp, 1) + ports(9, 9)));
}

// By IPv4, IPv6, and IPv6 in fragments.
TEST(SharedAddress, WhatTheHostAnswersDoesNotComeIn) {
  for (const auto& [number, in, out] : {std::tuple(0, true, false),
                                        {3, true, true},
                                        {5, false, false},
                                        {8, false, true},
                                        {11, true, true},
                                        {12, true, true},
                                        {13, false, false}}) {
    const Bytes message = v4(kIcmp, 6) + kind(static_cast<uint8_t>(number));
    EXPECT_EQ(comes_in(message), in) << number;
    EXPECT_EQ(goes_out(message), out) << number;
  }
  for (const auto& [number, in, out] : {std::tuple(1, true, true),
                                        {2, true, true},
                                        {4, true, true},
                                        {128, false, true},
                                        {129, true, false},
                                        {130, false, false},
                                        {133, false, true},
                                        {134, true, false},
                                        {135, false, true},
                                        {136, true, false},
                                        {143, false, false}}) {
    const Bytes message = kind(static_cast<uint8_t>(number));
    EXPECT_EQ(comes_in(v6(kIcmp6) + message), in) << number;
    EXPECT_EQ(goes_out(v6(kIcmp6) + message), out) << number;
    EXPECT_EQ(comes_in(v6_fragment(kIcmp6, 0) + message), in) << number;
    EXPECT_EQ(goes_out(v6_fragment(kIcmp6, 0) + message), out) << number;
  }
  EXPECT_FALSE(comes_in(arp(1)));
  EXPECT_TRUE(comes_in(arp(2)));
  EXPECT_TRUE(goes_out(arp(1)));
  EXPECT_FALSE(goes_out(arp(2)));
}

TEST(SharedAddress, NothingElse) {
  for (const Bytes& frame :
       {v4(kIgmp) + Bytes(60), v6(0) + Bytes(60), v6(kIcmp) + kind(3), v4(kIcmp6) + kind(3),
        ethernet(0x88cc) + Bytes(60), ethernet(0x8100) + Bytes(60)}) {
    EXPECT_FALSE(comes_in(frame));
    EXPECT_FALSE(goes_out(frame));
  }
  // cut off
  const Bytes whole = v4(kTcp) + ports(80, 80);
  for (size_t size = 14; size < 34 + 2; ++size)
    EXPECT_FALSE(goes_out(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)))) << size;
  const Bytes fragment = v6_fragment(kTcp, 1);
  for (size_t size = 14; size < fragment.size(); ++size)
    EXPECT_FALSE(goes_out(Bytes(fragment.begin(), fragment.begin() + static_cast<long>(size))));
}

namespace {

struct Refusal {
  const char* uri;
  int error;
  const char* said;
};

// What is said by who has no rights at all; 77 if the host lets him, or there is nothing to ask
// for.
int refused_to_nobody(const Refusal& refusal) {
  if (geteuid() == 0 && (setgid(65534) || setuid(65534))) return 77;
  std::string said;
  std::unique_ptr<lkl::host::NetBackend> backend;
  const int error = lkl::host::open_net(
      refusal.uri, [&](std::string_view line) { said += std::string(line) + "\n"; }, backend);
  const bool nothing = error == 0 || error == -ENODEV || error == -EPROTONOSUPPORT;
  if (error != refusal.error) return nothing ? 77 : 1;
  if (said.find(refusal.said) == std::string::npos || said.find('\n') != said.size() - 1) {
    std::fprintf(stderr, "%s", said.c_str());
    return 2;
  }
  return 0;
}

}  // namespace

TEST(WiresOfTheHost, SayTheCureInOneLine) {
  for (const Refusal& refusal :
       {Refusal{"tap:lklnone0", -EPERM,
                "tap: lklnone0: Operation not permitted; it needs CAP_NET_"},
        {"macvtap:lklnone0", -ENODEV, "macvtap: lklnone0: No such device; \"ip link\" shows"},
        {"macvtap:/dev/null", -EINVAL, "macvtap: /dev/null is not the device of a macvtap"},
        {"macvtap:lo", -EINVAL, "macvtap: lo has no device /dev/tap1: it is no macvtap"},
        {"raw:lklnone0", -ENODEV, "raw: lklnone0: No such device; \"ip link\" shows"},
        {"raw:lo", -EINVAL, "raw: lo is not an Ethernet"},
        {"raw:lo,shared,ports=0", -EINVAL, "raw: ports=0 is not FIRST-LAST"},
        {"raw:lo,ports=80", -EINVAL, "raw: ports= is for an address that is shared"},
        {"raw:lo,share", -EINVAL, "raw: \"share\" is not known; did you mean \"shared\"?"},
#ifdef LKL_HAVE_XDP
        {"xdp:lklnone0", -ENODEV, "xdp: lklnone0: No such device; \"ip link\" shows"},
        {"xdp:lo", -EINVAL, "xdp: lo is not an Ethernet"},
        {"xdp:lo,copy,zerocopy", -EINVAL, "xdp: copy or zerocopy, not both"},
        {"xdp:lo,queue=x", -EINVAL, "xdp: queue=x is not a number from 0 to 4095"},
#endif
        {"tap:", -EINVAL, "tap: \"\" is no name of a TAP interface"}}) {
    const int result = lkl_test::in_child([&] { return refused_to_nobody(refusal); });
    if (result == 77)
      std::printf("%s: not refused here\n", refusal.uri);
    else
      EXPECT_EQ(result, 0) << refusal.uri;
  }
}
