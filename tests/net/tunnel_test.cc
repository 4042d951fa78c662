// SPDX-License-Identifier: GPL-2.0
// Tunnels between two kernels, judged by what arrives and by what is on the wire.
#include <arpa/inet.h>
#include <lkl/linux/genetlink.h>
#include <lkl/linux/if_link.h>
#include <lkl/linux/if_macsec.h>
#include <lkl/linux/if_tunnel.h>
#include <lkl/linux/wireguard.h>
#include <lkl/linux/xfrm.h>

#include <optional>
#include <ostream>

#include "net/netlink_builder.h"
#include "net/pair.h"

using namespace lkl_test;

namespace {

int udp_port(Frame frame) {
  return ip_protocol(frame) != 17 || frame.size() < 38 ? -1 : frame[36] << 8 | frame[37];
}

// What ping() sends, and its beginning that one looks for.
constexpr size_t kPing = 512;
const std::string& secret() {
  static const std::string text = [] {
    const std::vector<char> data = content(72);
    return std::string(data.begin() + 8, data.end());
  }();
  return text;
}

const char* underlay(int side) {
  return side == 0 ? "10.0.0.1" : "10.0.0.2";
}

const char* overlay(int side) {
  return side == 0 ? "10.8.0.1" : "10.8.0.2";
}

// ---- interfaces on a card ----

struct Kind {
  const char* name;
  const char* kind;
  std::function<void(Message&, int side, int card)> data;
  // What a frame is by which the question goes over.
  std::function<bool(Frame)> carries;
  bool on_card = false;  // it has a card below it (IFLA_LINK)
  bool encrypted = false;
};

void PrintTo(const Kind& kind, std::ostream* to) {
  *to << kind.name;
}

void ends(Message& message, unsigned local, unsigned remote, int side) {
  message.address(local, underlay(side)).address(remote, underlay(1 - side));
}

uint64_t macsec_channel(int side) {
  const unsigned char channel[8] = {2, 0, 0, 0, 0, static_cast<unsigned char>(side), 0, 1};
  uint64_t value;
  std::memcpy(&value, channel, sizeof value);
  return value;
}

const Kind kKinds[] = {
    {"vlan", "vlan", [](Message& m, int, int) { m.number<uint16_t>(LKL_IFLA_VLAN_ID, 7); },
     [](Frame f) { return ether_type(f) == 0x8100 && f[15] == 7; }, true},
    {"vlan_802_1ad", "vlan",
     [](Message& m, int, int) {
       m.number<uint16_t>(LKL_IFLA_VLAN_ID, 9).number(LKL_IFLA_VLAN_PROTOCOL, net16(0x88a8));
     },
     [](Frame f) { return ether_type(f) == 0x88a8 && f[15] == 9; }, true},
    {"vxlan", "vxlan",
     [](Message& m, int side, int card) {
       m.number<uint32_t>(LKL_IFLA_VXLAN_ID, 42)
           .address(LKL_IFLA_VXLAN_GROUP, underlay(1 - side))
           .number<uint32_t>(LKL_IFLA_VXLAN_LINK, static_cast<uint32_t>(card))
           .number(LKL_IFLA_VXLAN_PORT, net16(4789));
     },
     [](Frame f) { return udp_port(f) == 4789; }},
    {"geneve", "geneve",
     [](Message& m, int side, int) {
       m.number<uint32_t>(LKL_IFLA_GENEVE_ID, 43)
           .address(LKL_IFLA_GENEVE_REMOTE, underlay(1 - side));
     },
     [](Frame f) { return udp_port(f) == 6081; }},
    {"gre", "gre",
     [](Message& m, int side, int) { ends(m, LKL_IFLA_GRE_LOCAL, LKL_IFLA_GRE_REMOTE, side); },
     [](Frame f) { return ip_protocol(f) == 47; }},
    {"gretap", "gretap",
     [](Message& m, int side, int) { ends(m, LKL_IFLA_GRE_LOCAL, LKL_IFLA_GRE_REMOTE, side); },
     [](Frame f) { return ip_protocol(f) == 47; }},
    {"erspan", "erspan",
     [](Message& m, int side, int) {
       ends(m, LKL_IFLA_GRE_LOCAL, LKL_IFLA_GRE_REMOTE, side);
       m.number(LKL_IFLA_GRE_IFLAGS, net16(0x3000)).number(LKL_IFLA_GRE_OFLAGS, net16(0x3000));
       m.number(LKL_IFLA_GRE_IKEY, net32(5)).number(LKL_IFLA_GRE_OKEY, net32(5));
       m.number<uint8_t>(LKL_IFLA_GRE_ERSPAN_VER, 1);
       m.number<uint32_t>(LKL_IFLA_GRE_ERSPAN_INDEX, 3);
     },
     [](Frame f) { return ip_protocol(f) == 47; }},
    {"ipip", "ipip",
     [](Message& m, int side, int) { ends(m, LKL_IFLA_IPTUN_LOCAL, LKL_IFLA_IPTUN_REMOTE, side); },
     [](Frame f) { return ip_protocol(f) == 4; }},
    {"macvlan", "macvlan",
     [](Message& m, int, int) {
       m.number<uint32_t>(LKL_IFLA_MACVLAN_MODE, LKL_MACVLAN_MODE_BRIDGE);
     },
     [](Frame f) { return ip_protocol(f) == 1; }, true},
    {"ipvlan", "ipvlan",
     [](Message& m, int, int) { m.number<uint16_t>(LKL_IFLA_IPVLAN_MODE, LKL_IPVLAN_MODE_L2); },
     [](Frame f) { return ip_protocol(f) == 1; }, true},
    {"macsec", "macsec",
     [](Message& m, int side, int) {
       m.number(LKL_IFLA_MACSEC_SCI, macsec_channel(side))
           .number<uint8_t>(LKL_IFLA_MACSEC_ENCRYPT, 1);
     },
     [](Frame f) { return ether_type(f) == 0x88e5 && f.size() > kPing; }, true, true},
};

class InterfaceTest : public PairTest, public ::testing::WithParamInterface<Kind> {};

void give_keys(int interface, int side) {
  const int family = generic_family("macsec");
  ASSERT_GT(family, 0);
  const auto key = [](Message& m, char what) {
    m.nest(LKL_MACSEC_ATTR_SA_CONFIG, [&] {
      const std::string text(16, what);
      m.number<uint8_t>(LKL_MACSEC_SA_ATTR_AN, 0).number<uint32_t>(LKL_MACSEC_SA_ATTR_PN, 1);
      m.bytes(LKL_MACSEC_SA_ATTR_KEY, text.data(), text.size());
      m.bytes(LKL_MACSEC_SA_ATTR_KEYID, text.data(), text.size());
      m.number<uint8_t>(LKL_MACSEC_SA_ATTR_ACTIVE, 1);
    });
  };
  const auto sends = [](int from) { return from == 0 ? 'a' : 'b'; };
  const auto other = [side](Message& m, bool active) {
    m.nest(LKL_MACSEC_ATTR_RXSC_CONFIG, [&] {
      m.number(LKL_MACSEC_RXSC_ATTR_SCI, macsec_channel(1 - side));
      if (active) m.number<uint8_t>(LKL_MACSEC_RXSC_ATTR_ACTIVE, 1);
    });
  };
  const auto index = static_cast<uint32_t>(interface);
  EXPECT_EQ(ask_generic(family, LKL_MACSEC_CMD_ADD_TXSA,
                        [&](Message& m) {
                          m.number(LKL_MACSEC_ATTR_IFINDEX, index);
                          key(m, sends(side));
                        }),
            0);
  EXPECT_EQ(ask_generic(family, LKL_MACSEC_CMD_ADD_RXSC,
                        [&](Message& m) {
                          m.number(LKL_MACSEC_ATTR_IFINDEX, index);
                          other(m, true);
                        }),
            0);
  EXPECT_EQ(ask_generic(family, LKL_MACSEC_CMD_ADD_RXSA,
                        [&](Message& m) {
                          m.number(LKL_MACSEC_ATTR_IFINDEX, index);
                          other(m, false);
                          key(m, sends(1 - side));
                        }),
            0);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Of, InterfaceTest, ::testing::ValuesIn(kKinds),
                         [](const auto& info) { return info.param.name; });

TEST_P(InterfaceTest, IsPingedThrough) {
  const Kind& kind = GetParam();
  std::atomic<bool> carried = false, clear = false;
  const Watching watching(wire(), [&](int, Frame frame) {
    const bool shows = contains(frame, secret());
    if (shows) clear = true;
    if (kind.carries(frame) && shows != kind.encrypted) carried = true;
    return true;
  });
  boot([&kind](int side) {
    const int index = make_interface(
        kind.kind, "over0", [&](Message& m) { kind.data(m, side, card(0)); },
        [&](Message& m) {
          if (kind.on_card) m.number<uint32_t>(LKL_IFLA_LINK, static_cast<uint32_t>(card(0)));
        });
    ASSERT_GT(index, 0) << lkl_strerror(index);
    if (kind.encrypted) give_keys(index, side);
    ASSERT_EQ(lkl_if_set_ipv4(index, ipv4(overlay(side)), 24), 0);
    ASSERT_EQ(lkl_if_up(index), 0);
  });
  ASSERT_TRUE(ping(overlay(1), kPing));
  EXPECT_TRUE(carried);
  EXPECT_EQ(clear, !kind.encrypted);
  talk_by_tcp(overlay(1), 200000);
}

// ---- interfaces that are made of cards ----

namespace {

void enslave(int master, int slave) {
  EXPECT_EQ(change_interface(slave,
                             [&](Message& m) {
                               m.number<uint32_t>(LKL_IFLA_MASTER, static_cast<uint32_t>(master));
                             }),
            0);
}

class MasterTest : public PairTest {};

}  // namespace

TEST_F(MasterTest, ABridgeOfTwoWiresForwards) {
  // side 0 is the bridge alone; side 1 has a foot in each wire, and each foot its own address
  have_wires(2);
  boot([](int side) {
    if (side == 0) {
      const int bridge = make_interface("bridge", "br0");
      ASSERT_GT(bridge, 0) << lkl_strerror(bridge);
      enslave(bridge, card(0));
      enslave(bridge, card(1));
      ASSERT_EQ(lkl_if_set_ipv4(bridge, ipv4("10.8.0.1"), 24), 0);
      ASSERT_EQ(lkl_if_up(bridge), 0);
    } else {
      ASSERT_EQ(lkl_sysctl("net.ipv4.conf.all.arp_ignore", "1"), 0);
      ASSERT_EQ(lkl_if_set_ipv4(card(1), ipv4("10.8.0.2"), 24), 0);
    }
  });
  ASSERT_TRUE(ping("10.8.0.2", kPing));
  talk_by_tcp("10.8.0.2", 1 << 20);
  EXPECT_GT(wire(1).bytes(0), 1u << 20);
  EXPECT_LT(wire(0).bytes(0), 1u << 19);  // it has learnt where who is
}

TEST_F(MasterTest, ABondSharesOutAmongItsWires) {
  have_wires(2);
  boot([](int side) {
    const int bond = make_interface("bond", "bond7",
                                    [](Message& m) { m.number<uint8_t>(LKL_IFLA_BOND_MODE, 0); });
    ASSERT_GT(bond, 0) << lkl_strerror(bond);
    for (const size_t which : {0u, 1u}) {
      ASSERT_EQ(lkl_if_down(card(which)), 0);
      enslave(bond, card(which));
    }
    ASSERT_EQ(lkl_if_set_ipv4(bond, ipv4(overlay(side)), 24), 0);
    ASSERT_EQ(lkl_if_up(bond), 0);
  });
  ASSERT_TRUE(ping(overlay(1), kPing));
  talk_by_tcp(overlay(1), 1 << 20);
  for (const size_t which : {0u, 1u}) EXPECT_GT(wire(which).bytes(0), 300'000u) << which;
}

TEST_F(MasterTest, AVrfHasItsOwnRoutes) {
  boot([](int side) {
    if (side == 1) return;
    const int vrf = make_interface("vrf", "vrf0",
                                   [](Message& m) { m.number<uint32_t>(LKL_IFLA_VRF_TABLE, 10); });
    ASSERT_GT(vrf, 0) << lkl_strerror(vrf);
    ASSERT_EQ(lkl_if_up(vrf), 0);
    enslave(vrf, card(0));
  });
  ASSERT_TRUE(ping("10.0.0.2", kPing, "vrf0"));
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address("10.0.0.2");
  EXPECT_EQ(lkl_sys_connect(fd, generic(there), sizeof there), -LKL_ENETUNREACH);
  lkl_sys_close(fd);
}

// ---- what is secret ----

namespace {

// Key pairs of RFC 7748, section 6.1.
constexpr unsigned char kPrivate[2][32] = {
    {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
     0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
     0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a},
    {0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b, 0x79, 0xe1, 0x7f,
     0x8b, 0x83, 0x80, 0x0e, 0xe6, 0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18,
     0xb6, 0xfd, 0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb}};
constexpr unsigned char kPublic[2][32] = {
    {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
     0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
     0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a},
    {0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
     0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
     0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f}};

void make_wireguard(int side) {
  const int index = make_interface("wireguard", "wg0");
  ASSERT_GT(index, 0) << lkl_strerror(index);
  const int family = generic_family("wireguard");
  ASSERT_GT(family, 0);
  const auto other = static_cast<size_t>(1 - side);
  EXPECT_EQ(ask_generic(family, LKL_WG_CMD_SET_DEVICE,
                        [&](Message& m) {
                          m.number<uint32_t>(LKL_WGDEVICE_A_IFINDEX, static_cast<uint32_t>(index));
                          m.bytes(LKL_WGDEVICE_A_PRIVATE_KEY, kPrivate[side], 32);
                          m.number<uint16_t>(LKL_WGDEVICE_A_LISTEN_PORT, 51820);
                          m.nest(LKL_WGDEVICE_A_PEERS, [&] {
                            m.nest(0, [&] {
                              m.bytes(LKL_WGPEER_A_PUBLIC_KEY, kPublic[other], 32);
                              m.object(LKL_WGPEER_A_ENDPOINT, address(underlay(1 - side), 51820));
                              m.nest(LKL_WGPEER_A_ALLOWEDIPS, [&] {
                                m.nest(0, [&] {
                                  m.number<uint16_t>(LKL_WGALLOWEDIP_A_FAMILY, LKL_AF_INET);
                                  m.address(LKL_WGALLOWEDIP_A_IPADDR, overlay(1 - side));
                                  m.number<uint8_t>(LKL_WGALLOWEDIP_A_CIDR_MASK, 32);
                                });
                              });
                            });
                          });
                        }),
            0);
  ASSERT_EQ(lkl_if_set_ipv4(index, ipv4(overlay(side)), 24), 0);
  ASSERT_EQ(lkl_if_up(index), 0);
}

lkl_xfrm_address_t xfrm_address(int side) {
  lkl_xfrm_address_t address = {};
  address.a4 = ipv4(underlay(side));
  return address;
}

lkl_xfrm_selector between(int from) {
  lkl_xfrm_selector selector = {};
  selector.saddr = xfrm_address(from);
  selector.daddr = xfrm_address(1 - from);
  selector.prefixlen_s = selector.prefixlen_d = 32;
  selector.family = LKL_AF_INET;
  return selector;
}

void protect(int side) {
  lkl_xfrm_lifetime_cfg forever = {};
  forever.soft_byte_limit = forever.hard_byte_limit = LKL_XFRM_INF;
  forever.soft_packet_limit = forever.hard_packet_limit = LKL_XFRM_INF;
  // what goes out first: a question that comes before all is there is not answered in clear
  for (const int from : {side, 1 - side}) {
    lkl_xfrm_usersa_info state = {};
    state.saddr = xfrm_address(from);
    state.id.daddr = xfrm_address(1 - from);
    state.id.spi = net32(0x1000 + static_cast<uint32_t>(from));
    state.id.proto = LKL_IPPROTO_ESP;
    state.lft = forever;
    state.family = LKL_AF_INET;
    state.mode = LKL_XFRM_MODE_TRANSPORT;
    state.replay_window = 32;
    state.reqid = 1;
    Message add(LKL_XFRM_MSG_NEWSA, LKL_NLM_F_ACK | LKL_NLM_F_CREATE, state);
    lkl_xfrm_algo_aead cipher = {};
    std::strcpy(cipher.alg_name, "rfc4106(gcm(aes))");
    const std::string key(20, static_cast<char>('k' + from));
    cipher.alg_key_len = 20 * 8;
    cipher.alg_icv_len = 128;
    const std::string both(reinterpret_cast<const char*>(&cipher), sizeof cipher);
    add.bytes(LKL_XFRMA_ALG_AEAD, (both + key).data(), both.size() + key.size());
    EXPECT_EQ(ask(LKL_NETLINK_XFRM, add), 0);

    lkl_xfrm_userpolicy_info policy = {};
    policy.sel = between(from);
    policy.lft = forever;
    policy.dir = static_cast<__lkl__u8>(from == side ? LKL_XFRM_POLICY_OUT : LKL_XFRM_POLICY_IN);
    policy.action = LKL_XFRM_POLICY_ALLOW;
    Message rule(LKL_XFRM_MSG_NEWPOLICY, LKL_NLM_F_ACK | LKL_NLM_F_CREATE, policy);
    lkl_xfrm_user_tmpl how = {};
    how.id.daddr = xfrm_address(1 - from);
    how.id.proto = LKL_IPPROTO_ESP;
    how.family = LKL_AF_INET;
    how.saddr = xfrm_address(from);
    how.reqid = 1;
    how.mode = LKL_XFRM_MODE_TRANSPORT;
    how.aalgos = how.ealgos = how.calgos = ~0u;
    rule.object(LKL_XFRMA_TMPL, how);
    EXPECT_EQ(ask(LKL_NETLINK_XFRM, rule), 0);
  }
}

class SecretTest : public PairTest {
 protected:
  // What talk_by_tcp() sends at first.
  const std::string beginning_ = [] {
    const std::vector<char> data = content(64);
    return std::string(data.begin(), data.end());
  }();
  std::atomic<int> clear_ = 0, hidden_ = 0, other_ = 0;

  // Frames of IPv4 are these or others.
  void watch(const std::function<bool(Frame)>& is_tunnel) {
    watching_.emplace(wire(), [this, is_tunnel](int, Frame frame) {
      if (contains(frame, beginning_) || contains(frame, secret())) ++clear_;
      if (is_tunnel(frame))
        ++hidden_;
      else if (ip_protocol(frame) >= 0)
        ++other_;
      return true;
    });
  }

 private:
  std::optional<Watching> watching_;
};

}  // namespace

TEST_F(SecretTest, WireGuard) {
  watch([](Frame frame) { return udp_port(frame) == 51820; });
  boot(make_wireguard);
  ASSERT_TRUE(ping(overlay(1), kPing));
  talk_by_tcp(overlay(1), 2 << 20);
  EXPECT_GT(hidden_, 2 * 1000);
  EXPECT_EQ(clear_, 0);
  EXPECT_EQ(other_, 0);
  // beside the tunnel it would have been seen
  talk_by_tcp(underlay(1), 1000);
  EXPECT_GT(clear_, 0);
}

TEST_F(SecretTest, Esp) {
  watch([](Frame frame) { return ip_protocol(frame) == 50; });
  boot(protect);
  ASSERT_TRUE(ping(underlay(1), kPing));
  talk_by_tcp(underlay(1), 2 << 20);
  EXPECT_GT(hidden_, 2 * 1000);
  EXPECT_EQ(clear_, 0);
  EXPECT_EQ(other_, 0);
}
