// SPDX-License-Identifier: GPL-2.0
// Wires on interfaces of the host. At the other end is the host's own stack, in another network.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "net/conversation.h"
#include "net/two_networks.h"
#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr char kShow[] = "ip -d link show near0";
constexpr int kNoNetworks = 77, kNoDevice = 78;

struct Way {
  const char* name;
  const char* uri;
  const char* setup;      // commands, in the near network
  const char* far_setup;  // and in the far one
  unsigned mtu;
  size_t bytes;            // by TCP, there and back
  size_t longest = 60000;  // datagram, by UDP and ICMP
};

void PrintTo(const Way& way, std::ostream* to) {
  *to << way.name;
}

class InterfaceTest : public ::testing::TestWithParam<Way> {
 protected:
  // In a child, which enters networks of its own.
  void run(int (*body)(const Way& way)) {
    const int result = in_child([&] { return body(GetParam()); });
    if (result == kNoNetworks) GTEST_SKIP() << "needs network name spaces, and ip";
    if (result == kNoDevice) GTEST_SKIP() << "needs a device that is not here, or not ours";
    EXPECT_EQ(result, 0);
  }
};

class TalkTest : public InterfaceTest {};

// 0, or what the child ends with.
int boot_on(const Way& way, lkl_netdev*& nd) {
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  if (!kernel_has_ip()) return kNoDevice;
  const int error = connect_card(way.uri, kOurAddress, 0, nd);
  if (error == -LKL_EPERM || error == -LKL_EACCES || error == -LKL_ENOENT ||
      error == -LKL_EPROTONOSUPPORT)
    return kNoDevice;
  if (error) std::fprintf(stderr, "%s: %d\n%s", way.uri, error, kernel_log().c_str());
  return error ? 2 : 0;
}

bool set_up(const TwoNetworks& networks, const Way& way) {
  bool good = run_command(way.setup);
  networks.in_far([&] { good = good && run_command(way.far_setup); });
  return good;
}

int end(lkl_netdev* nd) {
  if (lkl_sys_halt()) return 8;
  lkl_cleanup();
  lkl_netdev_free(nd);
  return ::testing::Test::HasFailure() || !complaint_in_log().empty() ? 9 : 0;
}

// A datagram there and back, each of these sizes: as often as it takes.
void talk_by_udp(const char* to, size_t longest) {
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address(to);
  const std::vector<char> data = content(60000);
  for (const size_t size : {1, 17, 1471, 1472, 1473, 8972, 60000}) {
    if (size > longest) break;
    std::vector<char> back(size + 1);
    long got = -1;
    for (int tries = 0; tries < 50 && got != static_cast<long>(size); ++tries) {
      EXPECT_EQ(lkl_sys_sendto(udp, const_cast<char*>(data.data()), size, 0, generic(there),
                               sizeof there),
                static_cast<long>(size));
      lkl_pollfd wait = {.fd = udp, .events = LKL_POLLIN, .revents = 0};
      __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 200'000'000};
      if (lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0) == 1)
        got = lkl_sys_recvfrom(udp, back.data(), back.size(), 0, nullptr, nullptr);
    }
    EXPECT_EQ(got, static_cast<long>(size));
    EXPECT_EQ(std::memcmp(back.data(), data.data(), size), 0) << size;
  }
  lkl_sys_close(udp);
}

int talk_both_ways(const Way& way) {
  TwoNetworks networks(way.mtu);
  if (!networks.ready()) return kNoNetworks;
  if (!set_up(networks, way)) return kNoDevice;
  const std::string before = output_of(kShow);
  lkl_netdev* nd = nullptr;
  if (const int result = boot_on(way, nd)) return result;
  if (!networks.start_echo()) return 3;
  EXPECT_EQ(read_kernel_file("/sysfs/class/net/eth0/mtu"), std::to_string(way.mtu) + "\n");
  EXPECT_EQ(networks.replies_to_ping(kOurAddress), 1);
  EXPECT_EQ(networks.replies_to_ping(kOurAddress, std::min<size_t>(20'000, way.longest)), 1);
  talk_by_udp(kFarAddress, way.longest);
  talk_by_tcp(kFarAddress, way.bytes);
  EXPECT_TRUE(networks.echo_ended());
  if (const int result = end(nd)) return result;
  // no program on it, and nobody who wants it promiscuous
  EXPECT_NE(before, "");
  EXPECT_EQ(output_of(kShow), before);
  return ::testing::Test::HasFailure() ? 10 : 0;
}

char carrier() {
  const std::string text = read_kernel_file("/sysfs/class/net/eth0/carrier");
  return text.empty() ? '-' : text[0];
}

bool carrier_becomes(char state) {
  for (int i = 0; i < 500 && carrier() != state; ++i) usleep(10'000);
  return carrier() == state;
}

// One; among other packets some are lost, and are asked for again.
int replies_under_load(TwoNetworks& networks) {
  int replies = 0;
  for (int tries = 0; tries < 10 && replies == 0; ++tries)
    replies = networks.replies_to_ping(kOurAddress);
  return replies;
}

// The host's interface goes down and comes again while there is traffic, and then for good.
int lose_the_interface(const Way& way) {
  TwoNetworks networks(way.mtu);
  if (!networks.ready()) return kNoNetworks;
  if (!set_up(networks, way)) return kNoDevice;
  lkl_netdev* nd = nullptr;
  if (const int result = boot_on(way, nd)) return result;
  if (!networks.start_echo()) return 3;
  std::atomic<bool> stop = false;
  std::thread load([&] {
    const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
    lkl_sockaddr_in there = address(kFarAddress);
    char packet[1000] = {};
    while (!stop) {
      lkl_sys_sendto(udp, packet, sizeof packet, 0, generic(there), sizeof there);
      usleep(200);  // others are to have a turn
    }
    lkl_sys_close(udp);
  });
  EXPECT_TRUE(carrier_becomes('1'));
  EXPECT_EQ(replies_under_load(networks), 1);
  EXPECT_TRUE(run_command("ip link set near0 down"));
  EXPECT_TRUE(carrier_becomes('0'));
  EXPECT_TRUE(run_command("ip link set near0 up"));
  EXPECT_TRUE(carrier_becomes('1'));
  EXPECT_EQ(replies_under_load(networks), 1);
  EXPECT_TRUE(run_command("ip link del near0"));
  EXPECT_TRUE(carrier_becomes('0'));
  stop = true;
  load.join();
  return end(nd);
}

}  // namespace

constexpr char kNone[] = "true";
constexpr char kMakeMacvtap[] =
    "ip link add link near0 name mine0 type macvtap mode bridge && ip link set mine0 up";
// Cards that leave nothing to others.
constexpr char kPlain[] = "ethtool -K near0 tx off rx off tso off gso off gro off";
// A veth leaves checksums to who receives, and XDP has no place to say so.
constexpr char kFarChecksums[] = "ethtool -K far0 tx off";

INSTANTIATE_TEST_SUITE_P(
    By, InterfaceTest,
    ::testing::Values(Way{"raw", "raw:near0", kNone, kNone, 1500, 32 << 20},
                      Way{"raw_jumbo", "raw:near0", kNone, kNone, 9000, 32 << 20},
                      Way{"raw_bypass", "raw:near0,bypass", kNone, kNone, 1500, 32 << 20},
                      Way{"raw_plain", "raw:near0", kPlain, kNone, 1500, 8 << 20},
#ifdef LKL_HAVE_XDP
                      Way{"xdp", "xdp:near0", kNone, kFarChecksums, 1500, 16 << 20},
                      Way{"xdp_copy", "xdp:near0,copy,queue=0", kNone, kFarChecksums, 3000,
                          16 << 20},
#endif
                      Way{"macvtap", "macvtap:mine0", kMakeMacvtap, kNone, 1500, 32 << 20}),
    [](const auto& info) { return info.param.name; });

TEST_P(InterfaceTest, TalksToAnotherHost) {
  run(talk_both_ways);
}

#ifdef LKL_HAVE_DPDK
// Its driver does not look at the interface's link, and puts fragments together, for which it has
// no room then.
INSTANTIATE_TEST_SUITE_P(ByDpdk, TalkTest,
                         ::testing::Values(Way{"af_packet", "dpdk:net_af_packet0,iface=near0",
                                               kPlain, kFarChecksums, 1500, 8 << 20, 1472}),
                         [](const auto& info) { return info.param.name; });

TEST_P(TalkTest, TalksToAnotherHost) {
  run(talk_both_ways);
}
#endif

TEST_P(InterfaceTest, LosesItsLinkWithTheInterface) {
  run(lose_the_interface);
}
