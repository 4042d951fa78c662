// SPDX-License-Identifier: GPL-2.0
// What comes from servers and routers, taken apart: also when it is hostile.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "netconf/dhcp_message.h"
#include "netconf/domain_names.h"
#include "netconf/ip_text.h"
#include "netconf/router_options.h"
#include "netconf/udp_packet.h"

using namespace lkl::host;

namespace {

using Packet = std::vector<uint8_t>;
using Names = std::vector<std::string>;

constexpr DhcpClient kClient = {.transaction = 0x12345678, .mac = {2, 0, 0, 1, 2, 3}};

// A reply with these options behind the cookie.
Packet reply(const Packet& options, uint32_t address = 0x0a07000f) {
  Packet message = {2, 1, 6, 0, 0x12, 0x34, 0x56, 0x78};
  message.resize(16);
  put32(message, address);
  message.resize(28);
  message.insert(message.end(), kClient.mac.begin(), kClient.mac.end());
  message.resize(236);
  put32(message, 0x63825363);
  message.insert(message.end(), options.begin(), options.end());
  return message;
}
Packet joined(const Packet& a, const Packet& b) {
  Packet both = a;
  both.insert(both.end(), b.begin(), b.end());
  return both;
}
const Packet kOffer = {53, 1, 2, 54, 4, 10, 7, 0, 1, 51, 4, 0, 0, 14, 16};
std::optional<DhcpReply> read(const Packet& options) {
  return read_dhcp_reply(kClient, reply(joined(kOffer, options)));
}

}  // namespace

TEST(Dhcp, AReplyIsTakenApart) {
  const auto got =
      read({1, 4, 255, 255, 240, 0, 3,   8,   10,  7,  0, 1, 10,  7, 0, 2,   6, 8, 10,  7, 0, 3,
            9, 9, 9,   9,   15,  3, 'l', 'a', 'n', 26, 2, 5, 220, 0, 0, 255, 1, 4, 255, 0, 0, 0});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->type, DhcpType::kOffer);
  EXPECT_EQ(got->address, 0x0a07000fu);
  EXPECT_EQ(got->prefix, 20u);
  EXPECT_EQ(got->server, 0x0a070001u);
  ASSERT_EQ(got->routes.size(), 1u);
  EXPECT_EQ(got->routes[0].gateway, 0x0a070001u);
  EXPECT_EQ(got->nameservers, (std::vector<uint32_t>{0x0a070003, 0x09090909}));
  EXPECT_EQ(got->search, Names{"lan"});
  EXPECT_EQ(got->mtu, 1500u);
  EXPECT_EQ(got->lease_s, 3600u);
}

TEST(Dhcp, WhatItMustHaveIsLookedFor) {
  EXPECT_TRUE(read({}));
  EXPECT_EQ(read({})->prefix, 8u);  // of the address's class
  EXPECT_FALSE(read_dhcp_reply(kClient, reply({53, 1, 2, 51, 4, 0, 0, 0, 9})));   // no server
  EXPECT_FALSE(read_dhcp_reply(kClient, reply({53, 1, 2, 54, 4, 10, 7, 0, 1})));  // no time
  EXPECT_FALSE(read_dhcp_reply(kClient, reply({54, 4, 10, 7, 0, 1, 51, 4, 0, 0, 0, 9})));
  for (const uint8_t type : {1, 3, 4, 7, 8, 0, 255})
    EXPECT_FALSE(
        read_dhcp_reply(kClient, reply({53, 1, type, 54, 4, 10, 7, 0, 1, 51, 4, 0, 0, 14, 16})));
  for (const uint32_t address : {0u, 0x7f000001u, 0xe0000001u, 0xffffffffu})
    EXPECT_FALSE(read_dhcp_reply(kClient, reply(kOffer, address)));
  for (const Packet& mask : {Packet{1, 4, 255, 0, 255, 0}, Packet{1, 4, 0, 0, 0, 0},
                             Packet{1, 4, 0, 255, 255, 255}, Packet{1, 3, 255, 255, 255}})
    EXPECT_FALSE(read(mask));
  // a NAK needs no address
  const auto nak =
      read_dhcp_reply(kClient, reply({53, 1, 6, 54, 4, 10, 7, 0, 1, 56, 3, 'n', '\n', 'o'}, 0));
  ASSERT_TRUE(nak);
  EXPECT_EQ(nak->message, "n?o");
}

TEST(Dhcp, AReplyToOthersIsNone) {
  const Packet good = reply(kOffer);
  for (const size_t at : {0, 1, 2, 4, 5, 6, 7, 28, 33, 236, 239}) {
    Packet other = good;
    other[at] ^= 1;
    EXPECT_FALSE(read_dhcp_reply(kClient, other)) << at;
  }
}

TEST(Dhcp, LengthsBeyondTheEndAreRefused) {
  EXPECT_FALSE(read({3, 200, 1, 2}));
  EXPECT_FALSE(read({3}));
  EXPECT_TRUE(read({255, 3, 200}));  // nothing is behind the end
  const Packet good = reply(joined(kOffer, {3, 4, 10, 7, 0, 1, 255}));
  for (size_t size = 0; size + 6 < good.size(); ++size) {
    const auto got = read_dhcp_reply(kClient, Bytes(good).first(size));
    EXPECT_FALSE(got && got->lease_s == 0) << size;
  }
  // of the wrong length they say nothing
  const auto odd = read({26, 1, 9, 6, 3, 1, 2, 3, 51, 3, 0, 0, 1});
  EXPECT_FALSE(odd);  // the lease time is in two parts then, of seven bytes
  EXPECT_EQ(read({26, 1, 9, 6, 3, 1, 2, 3})->mtu, 0);
}

TEST(Dhcp, AnOptionInPartsIsOne) {
  const auto got = read({119, 3, 3, 'l', 'a', 119, 2, 'n', 0});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->search, Names{"lan"});
}

TEST(Dhcp, FieldsOfTheServerMayHaveOptions) {
  Packet message = reply(joined(kOffer, {52, 1, 3, 255}));
  const Packet file = {6, 4, 1, 2, 3, 4, 255}, name = {6, 4, 5, 6, 7, 8, 255};
  std::ranges::copy(file, message.begin() + 108);
  std::ranges::copy(name, message.begin() + 44);
  const auto got = read_dhcp_reply(kClient, message);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->nameservers, (std::vector<uint32_t>{0x01020304, 0x05060708}));
  message[109] = 255;  // beyond the field
  EXPECT_FALSE(read_dhcp_reply(kClient, message));
}

TEST(Dhcp, ClasslessRoutesComeBeforeTheRouter) {
  const auto got =
      read({3, 4, 10, 7, 0, 1, 121, 14, 0, 10, 7, 0, 2, 22, 10, 99, 0xff, 10, 7, 0, 3, 0, 0});
  // two bytes more than the option has are pads
  ASSERT_TRUE(got);
  ASSERT_EQ(got->routes.size(), 1u);  // 14 bytes are a route and a half: the router's instead
  EXPECT_EQ(got->routes[0].gateway, 0x0a070001u);
  const auto whole =
      read({3, 4, 10, 7, 0, 1, 121, 13, 0, 10, 7, 0, 2, 22, 10, 99, 0xff, 10, 7, 0, 3});
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->routes.size(), 2u);
  EXPECT_EQ(whole->routes[0].prefix, 0u);
  EXPECT_EQ(whole->routes[1].destination, 0x0a63fc00u);  // bits behind the prefix are none
  EXPECT_EQ(whole->routes[1].gateway, 0x0a070003u);
  EXPECT_EQ(read({3, 4, 10, 7, 0, 1, 121, 5, 33, 1, 2, 3, 4})->routes.size(), 1u);
}

TEST(Dhcp, WhatIsNoDomainIsLeftOut) {
  EXPECT_EQ(read({15, 5, 'a', '\n', 'b', ' ', 'c'})->search, Names{});
  EXPECT_EQ(read({15, 4, 'l', 'a', 'n', 0})->search, Names{"lan"});
}

TEST(Dhcp, AQuestionHasWhatTheRfcWants) {
  const Packet message = make_dhcp_request(
      kClient,
      {.type = DhcpType::kRequest, .seconds = 7, .server = 0x0a070001, .address = 0x0a07000f});
  EXPECT_GE(message.size(), 300u);
  EXPECT_EQ(be32(message, 4), kClient.transaction);
  EXPECT_EQ(be16(message, 8), 7);
  EXPECT_EQ(be32(message, 236), 0x63825363u);
  const auto has = [&](const Packet& part) {
    return std::ranges::search(message, part).begin() != message.end();
  };
  EXPECT_TRUE(has({53, 1, 3}));
  EXPECT_TRUE(has({50, 4, 10, 7, 0, 15}));
  EXPECT_TRUE(has({54, 4, 10, 7, 0, 1}));
  EXPECT_TRUE(has({61, 7, 1, 2, 0, 0, 1, 2, 3}));
  EXPECT_FALSE(read_dhcp_reply(kClient, message));  // it is no reply
}

// Bytes at random, and a good reply with some changed; under a sanitizer, nothing is read beyond.
TEST(Dhcp, AnythingMayCome) {
  std::mt19937 random(7);
  const Packet good = reply(
      joined(kOffer, {1,  4, 255, 255, 255, 0,   3,   4,    10, 7, 0,   1,   6,  4,   10, 7,
                      0,  1, 119, 9,   3,   'l', 'a', 'n',  0,  2, 'd', 'e', 0,  121, 13, 0,
                      10, 7, 0,   2,   22,  10,  99,  0xff, 10, 7, 0,   3,   52, 1,   3,  255}));
  unsigned taken = 0;
  for (int round = 0; round < 200000; ++round) {
    Packet packet = good;
    const unsigned changes = 1 + random() % 4;
    for (unsigned i = 0; i < changes; ++i) {
      // mostly where the options are
      const size_t at =
          random() % 8 ? 240 + random() % (good.size() - 240) : random() % good.size();
      packet[at] = static_cast<uint8_t>(random());
    }
    if (random() % 4 == 0) packet.resize(random() % packet.size());
    const Packet exact(packet.begin(), packet.end());  // its end is that of its memory
    const auto got = read_dhcp_reply(kClient, exact);
    if (!got) continue;
    ++taken;
    ASSERT_LE(got->prefix, 32u);
    for (const DhcpRoute& route : got->routes) ASSERT_LE(route.prefix, 32u);
    for (const std::string& name : got->search) ASSERT_TRUE(is_domain_name(name));
  }
  EXPECT_GT(taken, 1000u);
}

TEST(UdpPacket, IsReadAsItWasMade) {
  const Packet payload = {1, 2, 3, 4, 5};
  const Packet packet = make_udp_packet({.source = 0,
                                         .destination = UINT32_MAX,
                                         .source_port = 68,
                                         .destination_port = 67,
                                         .payload = payload});
  ASSERT_EQ(packet.size(), 33u);
  Packet padded = packet;
  padded.resize(46);
  for (const Packet& each : {packet, padded}) {
    const auto got = read_udp_packet(each, true);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->destination, UINT32_MAX);
    EXPECT_EQ(got->source_port, 68);
    EXPECT_EQ(got->destination_port, 67);
    EXPECT_TRUE(std::ranges::equal(got->payload, payload));
  }
  for (size_t size = 0; size < packet.size(); ++size)
    EXPECT_FALSE(read_udp_packet(Bytes(packet).first(size), true)) << size;
}

TEST(UdpPacket, ADamagedOneIsNone) {
  const Packet payload(40, 7);
  const Packet packet = make_udp_packet(
      {.source = 5, .destination = 6, .source_port = 1, .destination_port = 2, .payload = payload});
  for (size_t at = 0; at < packet.size(); ++at)
    for (const uint8_t change : {1, 0x80, 0xff}) {
      Packet other = packet;
      other[at] ^= change;
      EXPECT_FALSE(read_udp_packet(other, true)) << at;
      if (at >= 28) {
        EXPECT_TRUE(read_udp_packet(other, false)) << at;
      }
    }
  std::mt19937 random(3);
  for (int round = 0; round < 100000; ++round) {
    Packet any(random() % 64);
    for (uint8_t& byte : any) byte = static_cast<uint8_t>(random());
    if (!any.empty()) any[0] = static_cast<uint8_t>(0x40 | random() % 16);
    read_udp_packet(any, random() % 2);
  }
}

TEST(DomainNames, AreReadWithPointers) {
  const Packet list = {3, 'l', 'a', 'n', 0, 1, 'a', 0xc0, 0, 0, 0};
  EXPECT_EQ(read_domain_names(list, true), (Names{"lan", "a.lan"}));
  EXPECT_EQ(read_domain_names(list, false), Names{"lan"});
}

TEST(DomainNames, EndWhereTheyAreDamaged) {
  EXPECT_EQ(read_domain_names(Packet{0xc0, 0}, true), Names{});             // to itself
  EXPECT_EQ(read_domain_names(Packet{1, 'a', 0xc0, 4, 0}, true), Names{});  // forward
  EXPECT_EQ(read_domain_names(Packet{1, 'a', 0xc0, 0, 0}, true), Names{});  // in a circle
  EXPECT_EQ(read_domain_names(Packet{1, 'a', 0xc0}, true), Names{});
  EXPECT_EQ(read_domain_names(Packet{1, 'a', 0, 9, 'b'}, true), Names{"a"});
  EXPECT_EQ(read_domain_names(Packet{1, 'a', 0, 2, 'b', '\n', 0, 1, 'c', 0}, true), Names{"a"});
  EXPECT_EQ(read_domain_names(Packet{0x40, 'a', 0}, true), Names{});
  // one that would become longer than a name may be
  Packet labels;
  for (int i = 0; i < 10; ++i) {
    labels.push_back(60);
    labels.insert(labels.end(), 60, 'a');
  }
  labels.push_back(0);
  EXPECT_EQ(read_domain_names(labels, false), Names{});
  std::mt19937 random(5);
  for (int round = 0; round < 100000; ++round) {
    Packet any(random() % 40);
    for (uint8_t& byte : any) byte = random() % 3 ? random() % 5 : static_cast<uint8_t>(random());
    for (const std::string& name : read_domain_names(any, true)) ASSERT_TRUE(is_domain_name(name));
  }
}

TEST(DomainNames, AreOfLettersAndNotTooLong) {
  for (const char* good : {"a", "a.b", "a.b.", "xn--a-1.de", "_tcp.lan"})
    EXPECT_TRUE(is_domain_name(good)) << good;
  for (const char* bad : {"", ".", "a..b", ".a", "a b", "a\nb", "a/b"})
    EXPECT_FALSE(is_domain_name(bad)) << bad;
  EXPECT_TRUE(is_domain_name(std::string(63, 'a')));
  EXPECT_FALSE(is_domain_name(std::string(64, 'a')));
}

TEST(RouterOptions, NameServersAndDomains) {
  RouterNames names;
  Packet options = {1, 1, 2, 0, 0, 0, 0, 1, 25, 5, 0, 0, 0, 0, 0, 9};
  options.resize(16 + 32);
  options[16] = 0xfd;
  options[32] = 0xfe;
  options = joined(options, {31, 2, 0, 0, 0, 0, 0, 9, 3, 'l', 'a', 'n', 0, 0, 0, 0});
  read_router_options(options, names);
  ASSERT_EQ(names.servers.size(), 2u);
  EXPECT_EQ(names.servers[0][0], 0xfd);
  EXPECT_EQ(names.servers[1][0], 0xfe);
  EXPECT_EQ(names.search, Names{"lan"});
  read_router_options(options, names);  // once more is not twice
  EXPECT_EQ(names.servers.size(), 2u);
  options[15] = 0;  // their time is over
  read_router_options(options, names);
  EXPECT_EQ(names.servers.size(), 0u);
  EXPECT_EQ(names.search, Names{"lan"});
}

// Whoever is on the wire may say that he is a router, as often as he likes.
TEST(RouterOptions, ThereIsAnEndToThem) {
  RouterNames names;
  for (unsigned i = 0; i < 1000; ++i) {
    Packet options = {25, 3, 0, 0, 0, 0, 0, 9};
    options.resize(24);
    options[8] = 0xfd;
    options[22] = static_cast<uint8_t>(i >> 8);
    options[23] = static_cast<uint8_t>(i);
    const auto letter = static_cast<uint8_t>('a' + i % 26);
    const auto other = static_cast<uint8_t>('a' + i / 40);
    options = joined(options, {31, 2, 0, 0, 0, 0, 0, 9, 2, letter, other, 0, 0, 0, 0, 0});
    read_router_options(options, names);
  }
  ASSERT_EQ(names.servers.size(), RouterNames::kMost);
  EXPECT_EQ(names.servers[0][15], 0);  // the first ones stay
  EXPECT_EQ(names.search.size(), RouterNames::kMost);
}

TEST(RouterOptions, AnythingMayCome) {
  std::mt19937 random(9);
  for (int round = 0; round < 100000; ++round) {
    Packet any(random() % 80);
    for (uint8_t& byte : any) byte = static_cast<uint8_t>(random());
    if (any.size() > 8) {
      any[0] = random() % 2 ? 25 : 31;
      any[1] = static_cast<uint8_t>(random() % 12);
    }
    RouterNames names;
    read_router_options(any, names);
    for (const std::string& name : names.search) ASSERT_TRUE(is_domain_name(name));
  }
}

TEST(IpText, AddressesAreReadAndWritten) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1",
                           "fe80::1:0:0:2", "1:2:3:4:5:6:7:8", "1:0:0:4::8", "1::"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_text(*address), text);
  }
  EXPECT_EQ(to_text(*parse_address("::ffff:192.0.2.1")), "::ffff:c000:201");
  EXPECT_EQ(to_text(*parse_address("1:2:3:4:5:6:1.2.3.4")), "1:2:3:4:5:6:102:304");
  EXPECT_EQ(to_text(*parse_address("2001:0DB8:0:0:0:0:0:1")), "2001:db8::1");
  for (const char* text :
       {"",         "1",       "1.2.3",   "1.2.3.4.5",         "1.2.3.256",
        "1.2.3.04", "1.2.3.",  ".1.2.3",  "1.2.3.4 ",          "1.2.3.-4",
        "a.b.c.d",  ":",       ":::",     "1:2:3:4:5:6:7",     "1:2:3:4:5:6:7:8:9",
        "1::2::3",  "12345::", "g::",     "1:2:3:4:5:6:7:8::", "::1.2.3",
        "1:",       ":1",      "::1%eth0"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(IpText, PrefixesNumbersAndMacs) {
  EXPECT_EQ(parse_prefix("10.0.0.0/8")->length, 8u);
  EXPECT_EQ(parse_prefix("::/0")->length, 0u);
  EXPECT_EQ(parse_prefix("::1")->length, 128u);
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "/8", "::/129", "::/-1"})
    EXPECT_FALSE(parse_prefix(text)) << text;
  EXPECT_EQ((*parse_mac("02:00:5e:10:00:FF"))[5], 0xff);
  for (const char* text : {"", "02:00:5e:10:00", "02:00:5e:10:00:01:02", "02:00:5e:10:00:0g",
                           "0200:5e:10:00:01:", "02:00:5e:10:00:-1", "02 00 5e 10 00 01"})
    EXPECT_FALSE(parse_mac(text)) << text;
  EXPECT_EQ(parse_c_number("0xc803"), 0xc803u);
  EXPECT_EQ(parse_c_number("010"), 8u);
  EXPECT_EQ(parse_c_number("0"), 0u);
  EXPECT_FALSE(parse_c_number("0x"));
  EXPECT_FALSE(parse_number("99999999999999999999999"));
}
