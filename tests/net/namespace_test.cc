// SPDX-License-Identifier: GPL-2.0
// Network name spaces, what connects them, and the translation of addresses on the way out.
#include "net/namespace.h"

#include <lkl/linux/if_link.h>
#include <lkl/linux/netfilter.h>
#include <lkl/linux/netfilter/ipset/ip_set.h>
#include <lkl/linux/netfilter/nf_tables.h>
#include <lkl/linux/netfilter/nfnetlink.h>
#include <lkl/linux/veth.h>

#include <mutex>
#include <set>

#include "net/netlink_builder.h"
#include "net/pair.h"

using namespace lkl_test;

namespace {

// A veth pair: inside0 (10.2.0.2) is in the other network, outside0 (10.2.0.1) in this one.
void connect(OtherNetwork& inside) {
  lkl_ifinfomsg peer = {};
  const int outside = make_interface("veth", "outside0", [&](Message& m) {
    m.nest(LKL_VETH_INFO_PEER, [&] {
      m.raw(peer);
      m.text(LKL_IFLA_IFNAME, "inside0");
      m.number<uint32_t>(LKL_IFLA_NET_NS_FD, static_cast<uint32_t>(inside.fd()));
    });
  });
  ASSERT_GT(outside, 0) << lkl_strerror(outside);
  ASSERT_EQ(lkl_if_set_ipv4(outside, ipv4("10.2.0.1"), 24), 0);
  ASSERT_EQ(lkl_if_up(outside), 0);
  inside.run([] {
    const int index = lkl_ifname_to_ifindex("inside0");
    ASSERT_GT(index, 0);
    ASSERT_EQ(lkl_if_up(1), 0);
    ASSERT_EQ(lkl_if_set_ipv4(index, ipv4("10.2.0.2"), 24), 0);
    ASSERT_EQ(lkl_if_up(index), 0);
    ASSERT_EQ(lkl_set_ipv4_gateway(ipv4("10.2.0.1")), 0);
  });
}

Message nft(unsigned type, unsigned flags) {
  lkl_nfgenmsg header = {};
  header.nfgen_family = LKL_AF_INET;
  return Message(LKL_NFNL_SUBSYS_NFTABLES << 8 | type, LKL_NLM_F_ACK | LKL_NLM_F_CREATE | flags,
                 header);
}

Message nft_table(const char* name) {
  return nft(LKL_NFT_MSG_NEWTABLE, 0).text(LKL_NFTA_TABLE_NAME, name);
}

Message nft_chain(const char* table, const char* name, const char* type, int hook, int priority) {
  Message m = nft(LKL_NFT_MSG_NEWCHAIN, 0);
  m.text(LKL_NFTA_CHAIN_TABLE, table).text(LKL_NFTA_CHAIN_NAME, name);
  m.nest(LKL_NFTA_CHAIN_HOOK, [&] {
    m.number(LKL_NFTA_HOOK_HOOKNUM, net32(static_cast<uint32_t>(hook)));
    m.number(LKL_NFTA_HOOK_PRIORITY, net32(static_cast<uint32_t>(priority)));
  });
  return m.text(LKL_NFTA_CHAIN_TYPE, type);
}

void nft_expression(Message& m, const char* name, const std::function<void()>& data) {
  m.nest(LKL_NFTA_LIST_ELEM, [&] {
    m.text(LKL_NFTA_EXPR_NAME, name);
    m.nest(LKL_NFTA_EXPR_DATA, data);
  });
}

Message nft_rule(const char* table, const char* chain,
                 const std::function<void(Message&)>& expressions) {
  Message m = nft(LKL_NFT_MSG_NEWRULE, LKL_NLM_F_APPEND);
  m.text(LKL_NFTA_RULE_TABLE, table).text(LKL_NFTA_RULE_CHAIN, chain);
  m.nest(LKL_NFTA_RULE_EXPRESSIONS, [&] { expressions(m); });
  return m;
}

// nft add rule ip nat out oif CARD masquerade
int masquerade(int card) {
  return ask_nftables(
      {nft_table("nat"), nft_chain("nat", "out", "nat", LKL_NF_INET_POST_ROUTING, 100),
       nft_rule("nat", "out", [card](Message& m) {
         nft_expression(m, "meta", [&] {
           m.number(LKL_NFTA_META_KEY, net32(LKL_NFT_META_OIF));
           m.number(LKL_NFTA_META_DREG, net32(LKL_NFT_REG_1));
         });
         nft_expression(m, "cmp", [&] {
           m.number(LKL_NFTA_CMP_SREG, net32(LKL_NFT_REG_1));
           m.number(LKL_NFTA_CMP_OP, net32(LKL_NFT_CMP_EQ));
           m.nest(LKL_NFTA_CMP_DATA,
                  [&] { m.number<uint32_t>(LKL_NFTA_DATA_VALUE, static_cast<uint32_t>(card)); });
         });
         nft_expression(m, "masq", [] {});
       })});
}

std::string source_of(Frame frame) {
  std::string text;
  for (size_t i = 26; i < 30; ++i) text += (i > 26 ? "." : "") + std::to_string(frame[i]);
  return text;
}

class NamespaceTest : public PairTest {};

}  // namespace

TEST_F(NamespaceTest, AreConnectedByVeth) {
  boot();
  OtherNetwork inside;
  connect(inside);
  serve();
  inside.run([] {
    EXPECT_TRUE(ping("10.2.0.1"));
    talk_by_tcp("10.2.0.1", 4 << 20);
    // it knows nothing of the card
    EXPECT_EQ(lkl_ifname_to_ifindex("eth0"), -LKL_ENODEV);
  });
  EXPECT_EQ(lkl_ifname_to_ifindex("inside0"), -LKL_ENODEV);
}

// Two cards of one kernel that know nothing of each other, with the same address.
TEST_F(NamespaceTest, EachHasACard) {
  have_wires(2);
  boot();
  OtherNetwork inside;
  ASSERT_EQ(change_interface(card(1),
                             [&](Message& m) {
                               m.number<uint32_t>(LKL_IFLA_NET_NS_FD,
                                                  static_cast<uint32_t>(inside.fd()));
                             }),
            0);
  EXPECT_EQ(card(1), -LKL_ENODEV);
  inside.run([] {
    ASSERT_EQ(lkl_if_set_ipv4(card(1), ipv4("10.0.1.1"), 24), 0);
    ASSERT_EQ(lkl_if_up(card(1)), 0);
    talk_by_tcp("10.0.1.2", 1 << 20);
  });
  EXPECT_GT(wire(1).bytes(0), 1u << 20);
  EXPECT_LT(wire(0).bytes(0), 10'000u);
  talk_by_tcp("10.0.0.2", 1 << 20);
  EXPECT_GT(wire(0).bytes(0), 1u << 20);
}

TEST_F(NamespaceTest, GoOutByNat) {
  std::mutex mutex;
  std::set<std::string> sources;
  const Watching watching(wire(), [&](int from, Frame frame) {
    const std::lock_guard lock(mutex);
    if (from == 0 && ip_protocol(frame) == 6) sources.insert(source_of(frame));
    return true;
  });
  boot();
  OtherNetwork inside;
  connect(inside);
  ASSERT_EQ(lkl_sysctl("net.ipv4.ip_forward", "1"), 0);
  const int error = masquerade(card(0));
  ASSERT_EQ(error, 0) << lkl_strerror(error);
  inside.run([] { talk_by_tcp("10.0.0.2", 4 << 20); });
  const std::lock_guard lock(mutex);
  EXPECT_EQ(sources, std::set<std::string>{"10.0.0.1"});
}

// What rules are made of: an expression that is known is not taken without what belongs to it, or
// is; one that is not known is not there.
TEST_F(NamespaceTest, NftablesKnowsItsExpressions) {
  boot();
  const auto rule = [](const char* expression) {
    return ask_nftables(
        {nft_table("all"), nft_chain("all", "in", "filter", LKL_NF_INET_LOCAL_IN, 0),
         nft_rule("all", "in", [&](Message& m) { nft_expression(m, expression, [] {}); })});
  };
  EXPECT_EQ(rule("no-such"), -LKL_ENOENT);
  for (const char* name :
       {"bitwise", "byteorder", "cmp",    "connlimit",    "counter", "ct",        "dup",
        "dynset",  "exthdr",    "fib",    "flow_offload", "hash",    "immediate", "inner",
        "last",    "limit",     "log",    "lookup",       "masq",    "match",     "meta",
        "nat",     "notrack",   "numgen", "objref",       "osf",     "payload",   "queue",
        "quota",   "range",     "redir",  "reject",       "rt",      "socket",    "synproxy",
        "target",  "tproxy",    "xfrm"})
    EXPECT_NE(rule(name), -LKL_ENOENT) << name;
}

namespace {

// `ipset create` of a set of this type.
int make_set(const char* type, unsigned char family) {
  lkl_nfgenmsg header = {};
  header.nfgen_family = LKL_AF_INET;
  Message m(LKL_NFNL_SUBSYS_IPSET << 8 | LKL_IPSET_CMD_CREATE, LKL_NLM_F_ACK | LKL_NLM_F_CREATE,
            header);
  m.number<uint8_t>(LKL_IPSET_ATTR_PROTOCOL, LKL_IPSET_PROTOCOL);
  m.text(LKL_IPSET_ATTR_SETNAME, type).text(LKL_IPSET_ATTR_TYPENAME, type);
  m.number<uint8_t>(LKL_IPSET_ATTR_REVISION, 0);
  m.number(LKL_IPSET_ATTR_FAMILY, family);
  m.nest(LKL_IPSET_ATTR_DATA, [] {});
  return ask(LKL_NETLINK_NETFILTER, m);
}

}  // namespace

TEST_F(NamespaceTest, IpsetMakesItsTypes) {
  boot();
  EXPECT_NE(make_set("hash:no,such", LKL_AF_INET), 0);
  for (const char* type : {"hash:ip", "hash:ip,mark", "hash:ip,port", "hash:ip,port,ip",
                           "hash:ip,port,net", "hash:ip,mac", "hash:net", "hash:net,net",
                           "hash:net,port", "hash:net,port,net", "hash:net,iface", "list:set"})
    EXPECT_EQ(make_set(type, LKL_AF_INET), 0) << type;
  EXPECT_EQ(make_set("hash:mac", LKL_AF_UNSPEC), 0);
}

TEST_F(NamespaceTest, IptablesHasItsTablesMatchesAndTargets) {
  boot();
  ASSERT_GE(lkl_mount_fs("proc"), 0);
  const auto lists = [](const char* file, std::initializer_list<const char*> names) {
    const std::string text = "\n" + read_kernel_file(file);
    for (const char* name : names)
      EXPECT_NE(text.find("\n" + std::string(name) + "\n"), std::string::npos) << file << name;
  };
  for (const char* family : {"ip", "ip6"}) {
    const std::string start = "/proc/net/" + std::string(family) + "_tables_";
    lists((start + "matches").c_str(),
          {"addrtype",  "bpf",     "comment", "connlimit", "connmark",  "conntrack",
           "hashlimit", "iprange", "length",  "limit",     "mac",       "mark",
           "multiport", "owner",   "physdev", "pkttype",   "policy",    "quota",
           "recent",    "set",     "socket",  "state",     "statistic", "string",
           "tcp",       "tcpmss",  "time",    "u32",       "udp"});
    lists((start + "targets").c_str(),
          {"CLASSIFY", "CONNMARK", "CT", "DNAT", "LOG", "MARK", "MASQUERADE", "NETMAP", "NFLOG",
           "NFQUEUE", "REDIRECT", "REJECT", "SNAT", "TCPMSS", "TEE", "TPROXY", "TRACE"});
  }
}

TEST_F(NamespaceTest, NothingIsThereThatNobodyHasMade) {
  boot();
  for (const char* name : {"dummy0", "ifb0", "bond0", "tunl0", "gre0", "gretap0", "erspan0", "sit0",
                           "ip_vti0", "ip6tnl0", "ip6_vti0", "ip6gre0"})
    EXPECT_EQ(lkl_ifname_to_ifindex(name), -LKL_ENODEV) << name;
  EXPECT_EQ(lkl_ifname_to_ifindex("lo"), 1);
  EXPECT_EQ(card(0), 2);
}
