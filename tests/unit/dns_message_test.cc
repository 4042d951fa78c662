// SPDX-License-Identifier: GPL-2.0
// Answers of name servers, whoever has sent them.
#include "net/dns_message.h"

#include <gtest/gtest.h>

#include <random>

using namespace lkl::tool;

namespace {

using Bytes = std::vector<uint8_t>;
using Texts = std::vector<std::string>;

const DnsQuestion kQuestion = {.id = 0x1234, .name = "a.lan", .type = DnsType::kA};

// Header and question, `count` answers, and these records.
Bytes answer(unsigned count, const Bytes& records, unsigned flags = 0x8180) {
  Bytes all = {0x12,
               0x34,
               static_cast<uint8_t>(flags >> 8),
               static_cast<uint8_t>(flags),
               0,
               1,
               0,
               static_cast<uint8_t>(count),
               0,
               0,
               0,
               0,
               1,
               'a',
               3,
               'l',
               'a',
               'n',
               0,
               0,
               1,
               0,
               1};
  all.insert(all.end(), records.begin(), records.end());
  return all;
}
// Of the name at 12 in the message.
const Bytes kAddress = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 7, 0, 1};
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST(DnsMessage, AQuestionIsMade) {
  const auto made = make_dns_question(kQuestion);
  ASSERT_TRUE(made);
  EXPECT_EQ(*made, (Bytes{0x12, 0x34, 1, 0,   0,   1,   0, 0, 0, 0, 0, 0,
                          1,    'a',  3, 'l', 'a', 'n', 0, 0, 1, 0, 1}));
  EXPECT_FALSE(read_dns_answer(kQuestion, *made));
  for (const std::string& bad :
       Texts{"", "a..b", ".a", "a.", std::string(64, 'a'), std::string(300, 'a')})
    EXPECT_FALSE(make_dns_question({.id = 1, .name = bad})) << bad;
}

TEST(DnsMessage, AddressesAreTaken) {
  EXPECT_EQ(read_dns_answer(kQuestion, answer(1, kAddress))->addresses, Texts{"10.7.0.1"});
  EXPECT_EQ(read_dns_answer(kQuestion, answer(0, {}, 0x8183))->code, 3u);
  // by way of an alias, b.lan, whose address comes first
  const Bytes b = {1, 'b', 0xc0, 14, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 7, 0, 2};
  const Bytes alias = {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 'b', 0xc0, 14};
  EXPECT_EQ(read_dns_answer(kQuestion, answer(2, b + alias))->addresses, Texts{"10.7.0.2"});
  // a record of another name is none of its
  EXPECT_EQ(read_dns_answer(kQuestion, answer(2, b + kAddress))->addresses, Texts{"10.7.0.1"});
  Bytes loop = {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12};
  EXPECT_EQ(read_dns_answer(kQuestion, answer(1, loop))->addresses, Texts{});
}

TEST(DnsMessage, AnAnswerToOthersIsNone) {
  const Bytes good = answer(1, kAddress);
  for (const size_t at : {0, 1, 2, 5, 13, 19, 20, 22}) {
    Bytes other = good;
    other[at] ^= 0x81;
    EXPECT_FALSE(read_dns_answer(kQuestion, other)) << at;
  }
  Bytes capital = good;
  capital[13] = 'A';
  EXPECT_TRUE(read_dns_answer(kQuestion, capital));
}

TEST(DnsMessage, ADamagedOneIsNone) {
  const Bytes good = answer(1, kAddress);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(read_dns_answer(kQuestion, std::span(good).first(size))) << size;
  Bytes wrong_length = answer(1, kAddress);
  wrong_length[good.size() - 5] = 3;
  EXPECT_EQ(read_dns_answer(kQuestion, wrong_length)->addresses, Texts{});
  // cut off, and says so
  EXPECT_EQ(read_dns_answer(kQuestion, answer(2, kAddress, 0x8380))->addresses, Texts{"10.7.0.1"});
}

TEST(DnsMessage, AnythingMayCome) {
  std::mt19937 random(11);
  const Bytes good = answer(3, kAddress + kAddress + kAddress);
  unsigned taken = 0;
  for (int round = 0; round < 100000; ++round) {
    Bytes packet = good;
    for (unsigned i = 0; i <= random() % 3; ++i)
      packet[random() % packet.size()] = static_cast<uint8_t>(random() % 3 ? random() : 0xc0);
    if (random() % 4 == 0) packet.resize(random() % packet.size());
    const Bytes exact(packet.begin(), packet.end());
    taken += read_dns_answer(kQuestion, exact).has_value();
  }
  EXPECT_GT(taken, 1000u);
}
