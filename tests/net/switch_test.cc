// SPDX-License-Identifier: GPL-2.0
// Kernels on a switch: of two processes, and two cards of one kernel.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "net/conversation.h"
#include "support/child.h"
#include "support/host_tools.h"

using namespace lkl_test;

namespace {

constexpr char kOwn[] = "10.0.0.1", kTheirs[] = "10.0.0.2";
constexpr char kOwn6[] = "fd00::1", kTheirs6[] = "fd00::2";
constexpr char kGroup[] = "ff15::7";

int add_address6(const char* text) {
  unsigned char bytes[16];
  inet_pton(AF_INET6, text, bytes);
  return lkl_if_set_ipv6(lkl_ifname_to_ifindex("eth0"), bytes, 64);
}

int socket6(int type) {
  return static_cast<int>(lkl_sys_socket(LKL_AF_INET6, type, 0));
}

int join(int fd, const char* group) {
  ipv6_mreq request = {};
  inet_pton(AF_INET6, group, &request.ipv6mr_multiaddr);
  request.ipv6mr_interface = static_cast<unsigned>(lkl_ifname_to_ifindex("eth0"));
  return static_cast<int>(lkl_sys_setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP,
                                             reinterpret_cast<char*>(&request), sizeof request));
}

// What comes by UDP goes back, also what is sent to the group; and by TCP, of both families.
[[noreturn]] void be_peer(const std::string& uri, unsigned short mtu) {
  alarm(100);
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  lkl_netdev* nd = nullptr;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) _exit(1);
  if (connect_card(uri.c_str(), kTheirs, mtu, nd) || add_address6(kTheirs6)) _exit(2);
  const int udp = socket6(LKL_SOCK_DGRAM), tcp = socket6(LKL_SOCK_STREAM);
  lkl_sockaddr_in6 here = address6("::");
  if (lkl_sys_bind(udp, generic(here), sizeof here) || join(udp, kGroup)) _exit(3);
  if (lkl_sys_bind(tcp, generic(here), sizeof here) || lkl_sys_listen(tcp, 4)) _exit(4);
  std::thread(echo_datagrams, udp).detach();
  for (;;) {
    const int fd = static_cast<int>(lkl_sys_accept(tcp, nullptr, nullptr));
    if (fd < 0 || !echo(kOurs, fd) || !complaint_in_log().empty()) _exit(5);
    lkl_sys_close(fd);
  }
}

// Until it comes back, as it was. How often it was sent, 0 if it never did.
template <class Address>
int ask_by_udp(const Address& to, size_t size) {
  const int fd = static_cast<int>(
      lkl_sys_socket(reinterpret_cast<const lkl_sockaddr&>(to).sa_family, LKL_SOCK_DGRAM, 0));
  std::vector<char> data = content(size), back(size + 1);
  int tries = 0;
  for (bool good = false; !good && tries < 200; ++tries) {
    Address there = to;
    if (lkl_sys_sendto(fd, data.data(), size, 0, generic(there), sizeof there) !=
        static_cast<long>(size))
      continue;
    lkl_pollfd wait = {.fd = fd, .events = LKL_POLLIN, .revents = 0};
    for (__lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 100'000'000};
         !good && lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0) == 1;) {
      const long got = lkl_sys_recvfrom(fd, back.data(), back.size(), 0, nullptr, nullptr);
      good = got == static_cast<long>(size) && std::memcmp(back.data(), data.data(), size) == 0;
      EXPECT_TRUE(good) << got << " of " << size;  // lost or as it was
    }
    if (good) {
      lkl_sys_close(fd);
      return tries + 1;
    }
  }
  lkl_sys_close(fd);
  return 0;
}

template <class Address>
void talk_by_tcp_to(Address to, size_t size) {
  const int fd = static_cast<int>(
      lkl_sys_socket(reinterpret_cast<lkl_sockaddr&>(to).sa_family, LKL_SOCK_STREAM, 0));
  ASSERT_EQ(lkl_sys_connect(fd, generic(to), sizeof to), 0);
  talk(kOurs, fd, size, [&] { EXPECT_EQ(lkl_sys_shutdown(fd, LKL_SHUT_WR), 0); });
  EXPECT_EQ(lkl_sys_close(fd), 0);
}

class OnSwitchTest : public ::testing::Test {
 protected:
  void SetUp() override { setenv("XDG_RUNTIME_DIR", folder_.path().c_str(), 1); }
  void TearDown() override {
    if (peer_ > 0) end_peer();
    if (lkl_is_running()) {
      EXPECT_EQ(lkl_sys_halt(), 0);
    }
    lkl_cleanup();
    EXPECT_EQ(complaint_in_log(), "");
    lkl_netdev_free(nd_);
  }

  // Before our own kernel is there. `later`: when it is told to go on.
  void start_peer(const std::string& words = "", unsigned short mtu = 0, bool later = false) {
    peer_ = fork();
    if (peer_ != 0) return;
    if (later) raise(SIGSTOP);
    be_peer("switch:lab" + words, mtu);
  }
  void end_peer() {
    kill(peer_, SIGKILL);
    EXPECT_EQ(end_of(peer_), 1000 + SIGKILL);  // not by itself
    peer_ = -1;
  }
  void boot() {
    ops_.print = keep_log;
    kernel_log().clear();
    ASSERT_EQ(lkl_init(&ops_), 0);
    ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=4"), 0);
    if (!kernel_has_ip()) GTEST_SKIP() << "the kernel has no network";
  }
  void connect(const std::string& words = "", unsigned short mtu = 0) {
    ASSERT_EQ(connect_card(("switch:lab" + words).c_str(), kOwn, mtu, nd_), 0);
    ASSERT_EQ(add_address6(kOwn6), 0);
  }

  const TempDir folder_;
  lkl_host_operations ops_ = {};
  pid_t peer_ = -1;
  lkl_netdev* nd_ = nullptr;
};

// The same on wires of several lengths, and worse ones.
struct Wiring {
  const char* name;
  unsigned short mtu;
  const char* words;
  size_t bytes;
};
void PrintTo(const Wiring& wiring, std::ostream* to) {
  *to << wiring.name;
}
class WireOfASwitchTest : public OnSwitchTest, public ::testing::WithParamInterface<Wiring> {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(
    By, WireOfASwitchTest,
    ::testing::Values(Wiring{"usual", 0, "", 16 << 20}, Wiring{"longest", 65535, "", 16 << 20},
                      Wiring{"least", 1280, "", 2 << 20},
                      Wiring{"late", 0, ",delay=2ms,jitter=1ms,seed=7", 1 << 20},
                      Wiring{"lossy", 0, ",loss=2%,seed=7", 1 << 20},
                      Wiring{"bursts", 0,
                             ",delay=2ms,jitter=1ms,distribution=pareto,loss=2%,burst=3,seed=7",
                             1 << 20},
                      Wiring{"twice", 0, ",duplicate=20%,seed=7", 1 << 20},
                      Wiring{"reordered", 0, ",delay=1ms,reorder=10%,seed=7", 1 << 20},
                      Wiring{"corrupt", 0, ",corrupt=2%,seed=7", 1 << 20},
                      Wiring{"slow", 0, ",rate=200mbit,limit=100,seed=7", 1 << 20}),
    [](const auto& info) { return info.param.name; });

TEST_P(WireOfASwitchTest, CarriesBothFamiliesAndGroups) {
  const Wiring& wiring = GetParam();
  start_peer(wiring.words, wiring.mtu);
  ASSERT_NO_FATAL_FAILURE(boot());
  if (IsSkipped()) return;
  ASSERT_NO_FATAL_FAILURE(connect(wiring.words, wiring.mtu));
  const lkl_sockaddr_in there = address(kTheirs);
  const lkl_sockaddr_in6 there6 = address6(kTheirs6);
  // whole and in fragments
  for (const size_t size : {1, 1472, 1473, 20000, 65507}) {
    EXPECT_GT(ask_by_udp(there, size), 0) << size;
    EXPECT_GT(ask_by_udp(there6, std::min<size_t>(size, 65487)), 0) << size;
  }
  lkl_sockaddr_in6 group = address6(kGroup);
  group.sin6_scope_id = static_cast<unsigned>(lkl_ifname_to_ifindex("eth0"));
  EXPECT_GT(ask_by_udp(group, 100), 0);
  talk_by_tcp_to(there, wiring.bytes);
  talk_by_tcp_to(there6, wiring.bytes);
}

TEST_F(OnSwitchTest, APeerIsKilledAndAnotherOneComes) {
  start_peer();
  const pid_t first = std::exchange(peer_, -1);
  start_peer("", 0, true);  // of the same addresses
  ASSERT_NO_FATAL_FAILURE(boot());
  if (IsSkipped()) {
    kill(first, SIGKILL);
    end_of(first);
    return;
  }
  // who has an address is asked again soon: the other one has another card
  for (const std::string family : {"ipv4", "ipv6"})
    for (const auto& [name, value] : {std::pair("base_reachable_time_ms", "300"),
                                      {"delay_first_probe_time", "1"},
                                      {"retrans_time_ms", "100"},
                                      {"ucast_solicit", "1"}})
      ASSERT_EQ(lkl_sysctl(("net." + family + ".neigh.default." + name).c_str(), value), 0);
  ASSERT_NO_FATAL_FAILURE(connect());
  EXPECT_GT(ask_by_udp(address(kTheirs), 1000), 0);
  kill(first, SIGKILL);
  EXPECT_EQ(end_of(first), 1000 + SIGKILL);
  kill(peer_, SIGCONT);
  EXPECT_GT(ask_by_udp(address(kTheirs), 1000), 0);
  EXPECT_GT(ask_by_udp(address6(kTheirs6), 1000), 0);
}
