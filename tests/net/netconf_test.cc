// SPDX-License-Identifier: GPL-2.0
// DHCP, IPv6 from a router, resolvers, and configurations of interfaces by JSON.
#include <arpa/inet.h>
#include <lkl_config.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "net/conversation.h"
#include "support/child.h"
#include "support/lan.h"
#include "support/temporary_file.h"

using namespace lkl_test;

namespace {

class NetconfTest : public NicTest {
 protected:
  void TearDown() override {
    NicTest::TearDown();
    lkl_netdev_free(nd_);
  }
  // A card on the wire, whose other end is the Lan's; its interface.
  int connect() {
    EXPECT_EQ(lkl_netdev_open(fd_uri(wire_.end(0)).c_str(), nullptr, &nd_), 0);
    return lkl_netdev_get_ifindex(lkl_netdev_add(nd_, nullptr));
  }
  static lkl_dhcp_lease lease() {
    lkl_dhcp_lease lease = {};
    lease.struct_size = sizeof lease;
    return lease;
  }
  static lkl_slaac slaac() {
    lkl_slaac slaac = {};
    slaac.struct_size = sizeof slaac;
    return slaac;
  }
  static std::string text(unsigned address) {
    in_addr in;
    in.s_addr = address;
    return inet_ntoa(in);
  }
  static std::string file_of(const char* path) {
    lkl_mount_fs("proc");
    return read_kernel_file(path);
  }

  const Wire wire_;
  lkl_netdev* nd_ = nullptr;
};

// An echo of ICMP; whether it has come back.
bool ping(const char* to) {
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_RAW, LKL_IPPROTO_ICMP));
  unsigned char question[8] = {8, 0, 0xf7, 0xf8, 0, 7, 0, 0};
  lkl_sockaddr_in there = address(to, 0);
  EXPECT_EQ(lkl_sys_sendto(fd, question, sizeof question, 0, generic(there), sizeof there), 8);
  unsigned char answer[64] = {};
  lkl_pollfd wait = {.fd = fd, .events = LKL_POLLIN, .revents = 0};
  const bool come = lkl_sys_poll(&wait, 1, 5000) == 1 &&
                    lkl_sys_recv(fd, answer, sizeof answer, 0) == 28 && answer[20] == 0;
  lkl_sys_close(fd);
  return come;
}

}  // namespace

TEST_F(NetconfTest, DhcpGivesAddressRouterMtuAndNames) {
  const Lan lan(wire_.end(1), {});
  const int index = connect();
  lkl_dhcp_lease got = lease();
  ASSERT_EQ(lkl_if_dhcp(index, &got, 20000), 0);
  EXPECT_EQ(text(got.address), "10.7.0.15");
  EXPECT_EQ(got.prefix_len, 24u);
  EXPECT_EQ(text(got.gateway), "10.7.0.1");
  EXPECT_EQ(text(got.server), "10.7.0.1");
  EXPECT_EQ(got.lease_s, 3600u);
  EXPECT_EQ(got.mtu, 1400u);
  ASSERT_EQ(got.nameserver_count, 1u);
  EXPECT_EQ(text(got.nameservers[0]), "10.7.0.1");
  EXPECT_STREQ(got.search, "lan de");
  EXPECT_EQ(lan.dhcp_types(), (std::vector<int>{1, 3}));
  // in the kernel, too
  EXPECT_TRUE(ping("10.7.0.1"));
  EXPECT_NE(file_of("/proc/net/route").find("eth0\t00000000\t0100070A"), std::string::npos);
  lkl_mount_fs("sysfs");
  EXPECT_EQ(read_kernel_file("/sysfs/class/net/eth0/mtu"), "1400\n");
}

TEST_F(NetconfTest, ARenewedLeaseKeepsOrChangesTheAddress) {
  LanOptions options;
  Lan lan(wire_.end(1), options);
  const int index = connect();
  lkl_dhcp_lease got = lease();
  ASSERT_EQ(lkl_if_dhcp(index, &got, 20000), 0);
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in own = address("10.7.0.15");
  ASSERT_EQ(lkl_sys_bind(fd, generic(own), sizeof own), 0);
  const std::string routes = file_of("/proc/net/route");
  ASSERT_EQ(lkl_if_dhcp(index, &got, 20000), 0);
  EXPECT_EQ(text(got.address), "10.7.0.15");
  EXPECT_EQ(file_of("/proc/net/route"), routes);
  lan.give(16);
  ASSERT_EQ(lkl_if_dhcp(index, &got, 20000), 0);
  EXPECT_EQ(text(got.address), "10.7.0.16");
  EXPECT_EQ(file_of("/proc/net/route"), routes);
  const int other = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  EXPECT_EQ(lkl_sys_bind(other, generic(own), sizeof own), -LKL_EADDRNOTAVAIL);
  EXPECT_TRUE(ping("10.7.0.1"));
  lkl_sys_close(fd);
  lkl_sys_close(other);
}

namespace {

// Seconds: of the lease, until it is to be renewed by its server, and by any.
Packet lease_of(uint8_t seconds, uint8_t renew, uint8_t rebind) {
  return {1, 4, 255, 255, 255,   0,  51, 4, 0, 0, 0,      seconds, 58,
          4, 0, 0,   0,   renew, 59, 4,  0, 0, 0, rebind, 255};
}

bool has_address(const char* text) {
  lkl_sockaddr_in own = address(text);
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  const long error = lkl_sys_bind(fd, generic(own), sizeof own);
  lkl_sys_close(fd);
  return error == 0;
}

// Within a time that is long.
bool becomes(const std::function<bool()>& state) {
  for (int tries = 0; tries < 3000 && !state(); ++tries) usleep(10'000);
  return state();
}

}  // namespace

TEST_F(NetconfTest, ALeaseIsRenewedByItsServer) {
  LanOptions options;
  options.dhcp_options = lease_of(200, 1, 100);
  const Lan lan(wire_.end(1), options);
  ASSERT_EQ(lkl_if_dhcp(connect(), nullptr, 20000), 0);
  EXPECT_EQ(lan.asked_all(), 2u);
  EXPECT_TRUE(becomes([&] { return lan.dhcp_types().size() >= 4; }));
  const std::vector<int> types = lan.dhcp_types();
  EXPECT_EQ(std::vector<int>(types.begin(), types.begin() + 4), (std::vector<int>{1, 3, 3, 3}));
  EXPECT_EQ(lan.asked_all(), 2u);
  EXPECT_TRUE(has_address("10.7.0.15"));
}

TEST_F(NetconfTest, ALeaseIsRenewedByAnyServerThen) {
  LanOptions options;
  options.dhcp_options = lease_of(200, 1, 2);
  Lan lan(wire_.end(1), options);
  lan.be_silent(false);
  ASSERT_EQ(lkl_if_dhcp(connect(), nullptr, 20000), 0);
  EXPECT_TRUE(becomes([&] { return lan.asked_all() >= 3; }));
  const std::vector<int> types = lan.dhcp_types();
  EXPECT_EQ(std::vector<int>(types.begin(), types.begin() + 4), (std::vector<int>{1, 3, 3, 3}));
  EXPECT_TRUE(has_address("10.7.0.15"));
}

// The kernel takes the address away, and the server, when it is there again, gives another one.
TEST_F(NetconfTest, ALeaseEndsAndAnotherBegins) {
  LanOptions options;
  options.dhcp_options = lease_of(3, 1, 2);
  auto lan = std::make_unique<Lan>(wire_.end(1), options);
  ASSERT_EQ(lkl_if_dhcp(connect(), nullptr, 20000), 0);
  lan->be_silent();
  EXPECT_TRUE(has_address("10.7.0.15"));
  EXPECT_TRUE(becomes([] { return !has_address("10.7.0.15"); }));
  lan.reset();
  options.client = 16;
  lan = std::make_unique<Lan>(wire_.end(1), options);
  EXPECT_TRUE(becomes([] { return has_address("10.7.0.16"); }));
}

// Who takes the address away does not want it back.
TEST_F(NetconfTest, ALeaseIsGivenUpWithItsAddress) {
  LanOptions options;
  options.dhcp_options = lease_of(3, 1, 2);
  Lan lan(wire_.end(1), options);
  const int index = connect();
  ASSERT_EQ(lkl_if_dhcp(index, nullptr, 20000), 0);
  const unsigned own = inet_addr("10.7.0.15");
  ASSERT_EQ(lkl_if_del_ip(index, LKL_AF_INET, &own, 24), 0);
  const size_t asked = lan.dhcp_types().size();
  usleep(2'500'000);
  EXPECT_LE(lan.dhcp_types().size(), asked);
  EXPECT_FALSE(has_address("10.7.0.15"));
}

// A child has no wire: the lease is its parent's to renew.
TEST_F(NetconfTest, ALeaseStaysTheParents) {
  LanOptions options;
  options.dhcp_options = lease_of(200, 1, 100);
  const Lan lan(wire_.end(1), options);
  ASSERT_EQ(lkl_if_dhcp(connect(), nullptr, 20000), 0);
  EXPECT_EQ(in_child([] {
              usleep(1'500'000);
              return lkl_sys_halt() == 0 ? 0 : 1;
            }),
            0);
  const size_t asked = lan.dhcp_types().size();
  EXPECT_TRUE(becomes([&] { return lan.dhcp_types().size() >= asked + 2; }));
}

// With nobody who answers: the end does not wait for that.
TEST_F(NetconfTest, AKernelEndsWhileALeaseIsRenewed) {
  LanOptions options;
  options.dhcp_options = lease_of(200, 1, 100);
  Lan lan(wire_.end(1), options);
  ASSERT_EQ(lkl_if_dhcp(connect(), nullptr, 20000), 0);
  lan.be_silent();
  EXPECT_TRUE(becomes([&] { return lan.dhcp_types().size() >= 3; }));
}

TEST_F(NetconfTest, DhcpAsksAgain) {
  LanOptions options;
  options.lost_discovers = 1;
  const Lan lan(wire_.end(1), options);
  ASSERT_EQ(lkl_if_dhcp(connect(), nullptr, 60000), 0);
  EXPECT_EQ(lan.dhcp_types(), (std::vector<int>{1, 1, 3}));
}

TEST_F(NetconfTest, DhcpBeginsAgainWhenItIsRefused) {
  LanOptions options;
  options.naks = 1;
  const Lan lan(wire_.end(1), options);
  ASSERT_EQ(lkl_if_dhcp(connect(), nullptr, 60000), 0);
  EXPECT_EQ(lan.dhcp_types(), (std::vector<int>{1, 3, 1, 3}));
}

TEST_F(NetconfTest, DhcpWithoutAServerEnds) {
  LanOptions options;
  options.dhcp = false;
  const Lan lan(wire_.end(1), options);
  const int index = connect();
  EXPECT_EQ(lkl_if_dhcp(index, nullptr, 200), -LKL_ETIMEDOUT);
  EXPECT_EQ(lkl_if_dhcp(1, nullptr, 200), -LKL_ENODEV);  // lo
  EXPECT_EQ(lkl_if_dhcp(77, nullptr, 200), -LKL_ENODEV);
  lkl_dhcp_lease small = lease();
  small.struct_size = 8;
  EXPECT_EQ(lkl_if_dhcp(index, &small, 200), -LKL_EINVAL);
}

// Routes of option 121 instead of the router's, one of them on the wire itself, which the other one
// needs: the address is a network of its own, as clouds have it.
TEST_F(NetconfTest, DhcpSetsClasslessRoutes) {
  LanOptions options;
  options.dhcp_options = {1,   4,  255, 255, 255, 255,            // a network of its own
                          3,   4,  10,  7,   0,   9,              // not to be looked at
                          51,  4,  0,   0,   14,  16,             //
                          121, 21,                                //
                          0,   10, 7,   0,   1,                   // default
                          32,  10, 7,   0,   1,   0,   0, 0,  0,  // that router, on the wire
                          16,  10, 99,  10,  7,   0,   1, 255};
  const Lan lan(wire_.end(1), options);
  lkl_dhcp_lease got = lease();
  ASSERT_EQ(lkl_if_dhcp(connect(), &got, 20000), 0);
  EXPECT_EQ(got.prefix_len, 32u);
  EXPECT_EQ(text(got.gateway), "10.7.0.1");
  const std::string routes = file_of("/proc/net/route");
  EXPECT_NE(routes.find("eth0\t0100070A\t00000000"), std::string::npos) << routes;
  EXPECT_NE(routes.find("eth0\t0000630A\t0100070A"), std::string::npos) << routes;
  EXPECT_TRUE(ping("10.7.0.1"));
}

// What is not for us, or damaged, is passed over; the right one comes behind it.
TEST_F(NetconfTest, DhcpPassesOverWhatIsHostile) {
  LanOptions options;
  options.hostile = [](const Packet& message) {
    std::vector<Packet> all;
    const auto changed = [&](size_t at, uint8_t value) {
      all.push_back(message);
      all.back()[at] = value;
    };
    changed(0, 1);                                          // a request
    changed(4, static_cast<uint8_t>(message[4] + 1));       // another's
    changed(28, static_cast<uint8_t>(message[28] ^ 0x40));  // another's
    changed(2, 16);                                         // length of the address
    changed(16, 127);                                       // 127.7.0.15
    changed(236, 0);                                        // no cookie
    changed(241, 200);                                      // a length beyond
    all.push_back(Packet(message.begin(), message.begin() + 239));
    all.push_back(Packet());
    all.push_back(message);
    return all;
  };
  const Lan lan(wire_.end(1), options);
  lkl_dhcp_lease got = lease();
  ASSERT_EQ(lkl_if_dhcp(connect(), &got, 20000), 0);
  EXPECT_EQ(text(got.address), "10.7.0.15");
  EXPECT_EQ(lan.dhcp_types(), (std::vector<int>{1, 3}));
}

// The first connect() over IPv6 succeeds when it has waited.
TEST_F(NetconfTest, ARouterGivesAnAddressAndNames) {
  const Lan lan(wire_.end(1), {});
  const int index = connect();
  lkl_slaac got = slaac();
  ASSERT_EQ(lkl_if_wait_ipv6_slaac(index, &got, 30000), 0);
  EXPECT_EQ(got.prefix_len, 64u);
  EXPECT_EQ(got.address[0], 0xfd);
  EXPECT_EQ(got.address[1], 7);
  ASSERT_EQ(got.nameserver_count, 1u);
  const unsigned char server[16] = {0xfd, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(std::memcmp(got.nameservers[0], server, 16), 0);
  EXPECT_STREQ(got.search, "lan");
  lkl_sockaddr_in6 there = {};
  there.sin6_family = LKL_AF_INET6;
  there.sin6_port = htons(kPort);
  std::memcpy(&there.sin6_addr, server, 16);
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET6, LKL_SOCK_DGRAM, 0));
  EXPECT_EQ(lkl_sys_connect(fd, generic(there), sizeof there), 0);
  lkl_sockaddr_in6 own = {};
  int size = sizeof own;
  EXPECT_EQ(lkl_sys_getsockname(fd, generic(own), &size), 0);
  EXPECT_EQ(std::memcmp(&own.sin6_addr, got.address, 16), 0);
  lkl_sys_close(fd);
  // it is there: the router is asked for its names again
  lkl_slaac again = slaac();
  ASSERT_EQ(lkl_if_wait_ipv6_slaac(index, &again, 30000), 0);
  EXPECT_EQ(again.nameserver_count, 1u);
  EXPECT_EQ(std::memcmp(again.address, got.address, 16), 0);
}

TEST_F(NetconfTest, WithoutARouterItEnds) {
  LanOptions options;
  options.router = false;
  const Lan lan(wire_.end(1), options);
  const int index = connect();
  const unsigned char own[16] = {0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  ASSERT_EQ(lkl_if_up(index), 0);
  ASSERT_EQ(lkl_if_set_ipv6(index, own, 64), 0);  // it is no router's
  EXPECT_EQ(lkl_if_wait_ipv6_slaac(index, nullptr, 100), -LKL_ETIMEDOUT);
  EXPECT_EQ(lkl_if_wait_ipv6_slaac(77, nullptr, 100), -LKL_ENODEV);
}

TEST_F(NetconfTest, NameServersAreWritten) {
  EXPECT_EQ(lkl_set_nameservers("10.7.0.1, fd07::1", "lan de"), 0);
  EXPECT_EQ(read_kernel_file("/etc/resolv.conf"),
            "search lan de\nnameserver 10.7.0.1\nnameserver fd07::1\n");
  EXPECT_EQ(lkl_set_nameservers("10.7.0.1\nnameserver 6.6.6.6", nullptr), -LKL_EINVAL);
  EXPECT_EQ(lkl_set_nameservers("10.7.0", nullptr), -LKL_EINVAL);
  EXPECT_EQ(lkl_set_nameservers(nullptr, "a b\nc"), -LKL_EINVAL);
  EXPECT_EQ(lkl_set_nameservers(nullptr, "a..b"), -LKL_EINVAL);
  EXPECT_NE(read_kernel_file("/etc/resolv.conf"), "");
  EXPECT_EQ(lkl_set_nameservers("fe80::1%eth0", nullptr), 0);
  EXPECT_EQ(read_kernel_file("/etc/resolv.conf"), "nameserver fe80::1%eth0\n");
}

// What does not fit into a request is refused, and not cut off.
TEST_F(NetconfTest, TextsThatAreTooLongAreRefused) {
  const int index = connect();
  EXPECT_EQ(lkl_qdisc_add(index, "root", "fq_codel"), 0);
  for (const size_t size : {65, 900, 1000, 1020, 1024, 5000}) {
    const int error = lkl_qdisc_add(index, "root", std::string(size, 'a').c_str());
    EXPECT_EQ(error, size < 1000 ? -LKL_ENOENT : -LKL_EMSGSIZE) << size;
  }
  EXPECT_EQ(lkl_qdisc_add(index, "root", "nosuch"), -LKL_ENOENT);
}

TEST_F(NetconfTest, RoutesAreAdded) {
  const int index = connect();
  const unsigned own = inet_addr("10.1.0.1"), network = inet_addr("10.2.0.0"),
                 router = inet_addr("10.1.0.9"), far = inet_addr("10.3.0.1");
  ASSERT_EQ(lkl_if_set_ipv4(index, own, 24), 0);
  ASSERT_EQ(lkl_if_up(index), 0);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, &network, 16, &router), 0);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, &network, 16, &router), -LKL_EEXIST);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, &network, 8, &router), -LKL_EINVAL);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, &network, 33, &router), -LKL_EINVAL);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, nullptr, 16, &router), -LKL_EINVAL);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, nullptr, 0, &far), -LKL_ENETUNREACH);
  EXPECT_EQ(lkl_if_add_route(index, 99, nullptr, 0, &router), -LKL_EAFNOSUPPORT);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, &far, 32, nullptr), 0);
  EXPECT_EQ(lkl_if_add_route(index, LKL_AF_INET, nullptr, 0, &far), 0);
}
