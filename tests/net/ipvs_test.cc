// SPDX-License-Identifier: GPL-2.0
// Connections that IPVS hands to servers.
#include <lkl/linux/ip_vs.h>

#include "net/netlink_builder.h"
#include "net/pair.h"

using namespace lkl_test;

namespace {

constexpr char kService[] = "10.9.9.9";

void name_service(Message& message, bool with_all) {
  message.nest(LKL_IPVS_CMD_ATTR_SERVICE, [&] {
    message.number<uint16_t>(LKL_IPVS_SVC_ATTR_AF, LKL_AF_INET)
        .number<uint16_t>(LKL_IPVS_SVC_ATTR_PROTOCOL, LKL_IPPROTO_TCP)
        .address(LKL_IPVS_SVC_ATTR_ADDR, kService)
        .number(LKL_IPVS_SVC_ATTR_PORT, net16(kPort));
    if (!with_all) return;
    const lkl_ip_vs_flags flags = {.flags = 0, .mask = ~0u};
    message.text(LKL_IPVS_SVC_ATTR_SCHED_NAME, "rr")
        .object(LKL_IPVS_SVC_ATTR_FLAGS, flags)
        .number<uint32_t>(LKL_IPVS_SVC_ATTR_TIMEOUT, 0)
        .number<uint32_t>(LKL_IPVS_SVC_ATTR_NETMASK, ~0u);
  });
}

void name_server(Message& message, const char* address) {
  message.nest(LKL_IPVS_CMD_ATTR_DEST, [&] {
    message.number<uint16_t>(LKL_IPVS_DEST_ATTR_ADDR_FAMILY, LKL_AF_INET)
        .address(LKL_IPVS_DEST_ATTR_ADDR, address)
        .number(LKL_IPVS_DEST_ATTR_PORT, net16(kPort))
        .number<uint32_t>(LKL_IPVS_DEST_ATTR_FWD_METHOD, LKL_IP_VS_CONN_F_MASQ)
        .number<uint32_t>(LKL_IPVS_DEST_ATTR_WEIGHT, 1)
        .number<uint32_t>(LKL_IPVS_DEST_ATTR_U_THRESH, 0)
        .number<uint32_t>(LKL_IPVS_DEST_ATTR_L_THRESH, 0);
  });
}

class IpvsTest : public PairTest {};

}  // namespace

TEST_F(IpvsTest, SharesOutAmongServers) {
  // two addresses of the other side are the servers
  have_wires(2);
  boot_words_ = "ipvs";
  boot([](int side) {
    if (side == 1) {
      // who is answered has the address of the service
      ASSERT_EQ(lkl_set_ipv4_gateway(ipv4("10.0.0.1")), 0);
      return;
    }
    const int family = generic_family("IPVS");
    ASSERT_GT(family, 0);
    const uint32_t address = ipv4(kService);
    ASSERT_EQ(lkl_if_add_ip(lkl_ifname_to_ifindex("lo"), LKL_AF_INET, &address, 32), 0);
    ASSERT_EQ(
        ask_generic(family, LKL_IPVS_CMD_NEW_SERVICE, [](Message& m) { name_service(m, true); }),
        0);
    for (const char* server : {"10.0.0.2", "10.0.1.2"})
      ASSERT_EQ(ask_generic(family, LKL_IPVS_CMD_NEW_DEST,
                            [&](Message& m) {
                              name_service(m, false);
                              name_server(m, server);
                            }),
                0)
          << server;
  });
  // first both addresses are to be known
  for (const char* server : {"10.0.0.2", "10.0.1.2"}) ASSERT_TRUE(ping(server));
  for (int i = 0; i < 4; ++i) talk_by_tcp(kService, 1 << 20);
  for (const size_t which : {0u, 1u}) EXPECT_GT(wire(which).bytes(0), 2u << 20) << which;
}

// It works each second whether it is used or not, so it is there for who asks.
TEST_F(IpvsTest, IsThereWhenItIsAskedFor) {
  boot();
  EXPECT_EQ(generic_family("IPVS"), -LKL_ENOENT);
}
