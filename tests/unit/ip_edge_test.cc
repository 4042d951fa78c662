// SPDX-License-Identifier: GPL-2.0
// Ethernet's end: what a card's frames become, and who is asked for.
#include "net/ip_edge.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using lkl::host::IpEdge;
using Bytes = std::vector<uint8_t>;

constexpr uint8_t kCard[6] = {2, 0, 0, 0, 0, 7};

Bytes operator+(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

Bytes frame(uint8_t high, uint8_t low, const Bytes& content) {
  return Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} + Bytes(kCard, kCard + 6) + Bytes{high, low} +
         content;
}

Bytes arp(const Bytes& own, const Bytes& wanted, uint8_t operation = 1) {
  return frame(
      8, 6,
      Bytes{0, 1, 8, 0, 6, 4, 0, operation} + Bytes(kCard, kCard + 6) + own + Bytes(6, 0) + wanted);
}

Bytes solicitation(const Bytes& own, const Bytes& wanted) {
  return frame(0x86, 0xdd,
               Bytes{0x60, 0, 0, 0, 0, 32, 58, 255} + own + Bytes(16, 0xff) +
                   Bytes{135, 0, 0, 0, 0, 0, 0, 0} + wanted + Bytes{1, 1} +
                   Bytes(kCard, kCard + 6));
}

Bytes bytes_of(const IpEdge::Answer& answer) {
  return Bytes(answer.bytes.begin(), answer.bytes.begin() + static_cast<long>(answer.size));
}

const Bytes kOther(IpEdge::kOther.begin(), IpEdge::kOther.end());
const Bytes kOwn6 = Bytes{0xfd} + Bytes(14, 0) + Bytes{1},
            kTheirs6 = Bytes{0xfd} + Bytes(14, 0) + Bytes{2};

class IpEdgeTest : public ::testing::Test {
 protected:
  Bytes packet_of(const Bytes& frame) {
    const auto packet = edge_.from_card(frame, answer_);
    return {packet.begin(), packet.end()};
  }
  IpEdge edge_;
  std::optional<IpEdge::Answer> answer_;
};

}  // namespace

TEST_F(IpEdgeTest, PacketsLoseTheirFrameAndGetOne) {
  const Bytes four = Bytes{0x45} + Bytes(27, 4), six = Bytes{0x60} + Bytes(60, 6);
  EXPECT_EQ(packet_of(frame(8, 0, four)), four);
  EXPECT_EQ(packet_of(frame(0x86, 0xdd, six)), six);
  EXPECT_FALSE(answer_);
  for (const Bytes& packet : {four, six}) {
    const auto header = edge_.header_for(packet);
    ASSERT_TRUE(header);
    const Bytes kind = packet[0] == 0x45 ? Bytes{8, 0} : Bytes{0x86, 0xdd};
    EXPECT_EQ(Bytes(header->begin(), header->end()), Bytes(kCard, kCard + 6) + kOther + kind);
  }
  EXPECT_FALSE(edge_.header_for({}));
  EXPECT_FALSE(edge_.header_for(Bytes{0x15, 0}));
}

// Before the card has said who it is all are meant.
TEST_F(IpEdgeTest, TheFirstPacketIsForAll) {
  const auto header = edge_.header_for(Bytes{0x45});
  ASSERT_TRUE(header);
  EXPECT_EQ(Bytes(header->begin(), header->begin() + 6), Bytes(6, 0xff));
}

TEST_F(IpEdgeTest, WhoeverIsAskedForByArpIsThere) {
  EXPECT_TRUE(packet_of(arp({10, 0, 0, 1}, {10, 0, 0, 2})).empty());
  ASSERT_TRUE(answer_);
  const Bytes wanted = Bytes(kCard, kCard + 6) + kOther + Bytes{8, 6} +
                       Bytes{0, 1, 8, 0, 6, 4, 0, 2} + kOther + Bytes{10, 0, 0, 2} +
                       Bytes(kCard, kCard + 6) + Bytes{10, 0, 0, 1};
  EXPECT_EQ(bytes_of(*answer_), wanted);
}

// By a probe, or an announcement; and an answer is no question.
TEST_F(IpEdgeTest, NobodyHasTheCardsAddress) {
  for (const Bytes& each :
       {arp({0, 0, 0, 0}, {10, 0, 0, 1}), arp({10, 0, 0, 1}, {10, 0, 0, 1}),
        arp({10, 0, 0, 1}, {10, 0, 0, 2}, 2), solicitation(Bytes(16, 0), kOwn6)}) {
    EXPECT_TRUE(packet_of(each).empty());
    EXPECT_FALSE(answer_);
  }
}

TEST_F(IpEdgeTest, WhoeverIsSolicitedIsThere) {
  EXPECT_TRUE(packet_of(solicitation(kOwn6, kTheirs6)).empty());
  ASSERT_TRUE(answer_);
  const Bytes answer = bytes_of(*answer_);
  Bytes wanted = Bytes(kCard, kCard + 6) + kOther + Bytes{0x86, 0xdd} +
                 Bytes{0x60, 0, 0, 0, 0, 32, 58, 255} + kTheirs6 + kOwn6 +
                 Bytes{136, 0, 0, 0, 0x60, 0, 0, 0} + kTheirs6 + Bytes{2, 1} + kOther;
  ASSERT_EQ(answer.size(), wanted.size());
  wanted[56] = answer[56], wanted[57] = answer[57];
  EXPECT_EQ(answer, wanted);
  // RFC 4443: over a pseudo header, with the checksum in it the sum is all ones
  uint32_t sum = 32 + 58;
  for (size_t i = 22; i < answer.size(); i += 2)
    sum += static_cast<uint32_t>(answer[i] << 8 | answer[i + 1]);
  EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffu);
}

// Cut anywhere it is nothing that could be answered.
TEST_F(IpEdgeTest, WhatIsCutIsLost) {
  for (const Bytes& each : {arp({10, 0, 0, 1}, {10, 0, 0, 2}), solicitation(kOwn6, kTheirs6)}) {
    const size_t least = each[12] == 8 ? each.size() : each.size() - 8;
    for (size_t size = 0; size < least; ++size) {
      packet_of(Bytes(each.begin(), each.begin() + static_cast<long>(size)));
      EXPECT_FALSE(answer_) << size;
    }
  }
}
