// SPDX-License-Identifier: GPL-2.0
// A kernel whose network is libslirp's, and the host's own sockets at the other end. Needs no
// rights.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/conversation.h"
#include "net/echo_server.h"
#include "support/child.h"
#include "support/kernel_test.h"
#include "support/sanitizers.h"

using namespace lkl_test;

namespace {

constexpr char kOwn[] = "10.0.2.15", kGateway[] = "10.0.2.2";

class SlirpTest : public NicTest {
 protected:
  // A card on a wire of these words; its interface.
  int connect_slirp(const std::string& words = "") {
    const int error = connect_card(("slirp:" + words).c_str(), kOwn, 0, nd_);
    EXPECT_EQ(error, 0) << kernel_log();
    return lkl_ifname_to_ifindex("eth0");
  }
  void TearDown() override {
    NicTest::TearDown();
    lkl_netdev_free(nd_);
  }

  lkl_netdev* nd_ = nullptr;
};

}  // namespace

class SlirpMtuTest : public SlirpTest, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Mtu, SlirpMtuTest, ::testing::Values(1280, 1500, 9000, 65520));

TEST_P(SlirpMtuTest, TalksByTcp) {
  EchoServer server;
  ASSERT_TRUE(server.works());
  const int index = connect_slirp(",mtu=" + std::to_string(GetParam()));
  EXPECT_GT(index, 1);
  EXPECT_EQ(read_kernel_file("/sysfs/class/net/eth0/mtu"), std::to_string(GetParam()) + "\n");
  lkl_sockaddr_in there = address(kGateway, server.port());
  talk_and_close(open_and_connect(there), 8 << 20);
}

TEST_F(SlirpTest, HasManyConnectionsAtOnce) {
  EchoServer server;
  connect_slirp();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      lkl_sockaddr_in there = address(kGateway, server.port());
      talk_and_close(open_and_connect(there), 1 << 20);
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(server.accepted(), 8);
}

namespace {

// fec0::15 is the kernel's from now on.
void set_ipv6(int index) {
  const lkl_sockaddr_in6 own = address6("fec0::15");
  ASSERT_EQ(lkl_if_set_ipv6(index, &own.sin6_addr, 64), 0);
  ASSERT_EQ(lkl_if_wait_ipv6_dad(index, &own.sin6_addr), 0);
}

int wait_readable(int fd) {
  lkl_pollfd wait = {.fd = fd, .events = LKL_POLLIN, .revents = 0};
  __lkl__kernel_timespec moment = {.tv_sec = 10, .tv_nsec = 0};
  return static_cast<int>(lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0));
}

}  // namespace

TEST_F(SlirpTest, TalksByUdp) {
  const int host = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in own = {};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(host, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
  socklen_t length = sizeof own;
  getsockname(host, reinterpret_cast<sockaddr*>(&own), &length);
  std::thread answers([&] {
    std::vector<char> buffer(65536);
    for (;;) {
      sockaddr_in from = {};
      socklen_t size = sizeof from;
      const ssize_t count = recvfrom(host, buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (count <= 0) break;
      sendto(host, buffer.data(), static_cast<size_t>(count), 0, reinterpret_cast<sockaddr*>(&from),
             size);
    }
  });
  connect_slirp(",mtu=9000");
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address(kGateway, ntohs(own.sin_port));
  const std::vector<char> data = content(40000);
  for (const size_t size : {1, 100, 1472, 1473, 8972, 8973, 40000}) {
    EXPECT_EQ(
        lkl_sys_sendto(udp, const_cast<char*>(data.data()), size, 0, generic(there), sizeof there),
        static_cast<long>(size));
    ASSERT_EQ(wait_readable(udp), 1) << size;
    std::vector<char> back(size + 1);
    EXPECT_EQ(lkl_sys_recvfrom(udp, back.data(), back.size(), 0, nullptr, nullptr),
              static_cast<long>(size));
    EXPECT_EQ(std::memcmp(back.data(), data.data(), size), 0) << size;
  }
  sendto(host, "", 0, 0, reinterpret_cast<sockaddr*>(&own), sizeof own);
  answers.join();
  close(host);
}

TEST_F(SlirpTest, TalksByIpv6) {
  EchoServer server(AF_INET6);
  if (!server.works()) GTEST_SKIP() << "the host has no IPv6";
  set_ipv6(connect_slirp());
  lkl_sockaddr_in6 there = address6("fec0::2", server.port());
  talk_and_close(open_and_connect(there), 4 << 20);
}

TEST_F(SlirpTest, PortsOfTheHostLeadToTheKernel) {
  const unsigned short port = free_port();
  const unsigned short second = free_port();
  connect_slirp(",hostfwd=tcp:127.0.0.1:" + std::to_string(port) + "-:5001");
  std::thread kernel = echo_once(address("0.0.0.0"));
  talk_from_host(host_connect(port), 8 << 20);
  kernel.join();

  // and by the function, while the card is there
  EXPECT_EQ(lkl_netdev_slirp_add_hostfwd(nd_, 0, "127.0.0.1", port, kOwn, 5001), -LKL_EADDRINUSE);
  EXPECT_EQ(host_connect(second), -1);
  ASSERT_EQ(lkl_netdev_slirp_add_hostfwd(nd_, 0, "127.0.0.1", second, nullptr, 5002), 0);
  kernel = echo_once(address("0.0.0.0", 5002));
  talk_from_host(host_connect(second), 1 << 20);
  kernel.join();
  EXPECT_EQ(lkl_netdev_slirp_remove_hostfwd(nd_, 0, "127.0.0.1", second), 0);
  EXPECT_EQ(lkl_netdev_slirp_remove_hostfwd(nd_, 0, "127.0.0.1", second), -LKL_ENOENT);
  EXPECT_EQ(lkl_netdev_slirp_remove_hostfwd(nd_, 1, "127.0.0.1", port), -LKL_ENOENT);
  EXPECT_EQ(host_connect(second), -1);
}

// How many may wait for this port of the host's, by whoever in this process listens there.
static unsigned queue_of(unsigned short port) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in name = {};
    socklen_t size = sizeof name;
    int listens = 0;
    socklen_t length = sizeof listens;
    tcp_info info = {};
    socklen_t room = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens &&
        getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
        ntohs(name.sin_port) == port && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &room) == 0)
      return info.tcpi_sacked;  // of one that listens
  }
  return 0;
}

// libslirp lets one wait: others who came at the same time were reset, or tried for half a minute.
TEST_F(SlirpTest, ManyMayWaitForAPortOfTheHost) {
  const unsigned short port = free_port();
  connect_slirp(",hostfwd=tcp:127.0.0.1:" + std::to_string(port) + "-:5001");
  unsigned queue = 0;
  for (int i = 0; i < 2000 && (queue = queue_of(port)) <= 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GE(queue, 128u);
}

// What is around a wire has the ports of that in it.
TEST_F(SlirpTest, AWireThatIsImpairedHasItsPorts) {
  const unsigned short port = free_port();
  connect_slirp(",delay=1ms");
  ASSERT_EQ(lkl_netdev_slirp_add_hostfwd(nd_, 0, "127.0.0.1", port, nullptr, 5001), 0);
  EXPECT_EQ(lkl_netdev_slirp_remove_hostfwd(nd_, 0, "127.0.0.1", port), 0);
}

TEST_F(SlirpTest, DatagramsOfTheHostReachTheKernel) {
  const unsigned short port = free_port(SOCK_DGRAM);
  connect_slirp(",hostfwd=udp:127.0.0.1:" + std::to_string(port) + "-:5001");
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in here = address("0.0.0.0");
  ASSERT_EQ(lkl_sys_bind(udp, generic(here), sizeof here), 0);
  const int host = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in there = {};
  there.sin_family = AF_INET;
  there.sin_port = htons(port);
  there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(host, reinterpret_cast<sockaddr*>(&there), sizeof there), 0);
  ASSERT_EQ(send(host, "question", 8, 0), 8);
  ASSERT_EQ(wait_readable(udp), 1);
  char buffer[64];
  lkl_sockaddr_in from = {};
  int size = sizeof from;
  ASSERT_EQ(lkl_sys_recvfrom(udp, buffer, sizeof buffer, 0, generic(from), &size), 8);
  EXPECT_EQ(std::memcmp(buffer, "question", 8), 0);
  ASSERT_EQ(lkl_sys_sendto(udp, const_cast<char*>("answer"), 6, 0, generic(from), size), 6);
  pollfd wait = {.fd = host, .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&wait, 1, 10'000), 1);
  EXPECT_EQ(recv(host, buffer, sizeof buffer, 0), 6);
  EXPECT_EQ(std::memcmp(buffer, "answer", 6), 0);
  close(host);
}

TEST_F(SlirpTest, PortsOfIpv6LeadToTheKernel) {
  if (!EchoServer(AF_INET6).works()) GTEST_SKIP() << "the host has no IPv6";
  const unsigned short port = free_port();
  set_ipv6(connect_slirp(",hostfwd=tcp:[::1]:" + std::to_string(port) + "-[fec0::15]:5001"));
  std::thread kernel = echo_once(address6("::"));
  talk_from_host(host_connect(port, AF_INET6), 1 << 20);
  kernel.join();
}

TEST_F(SlirpTest, APortThatSomebodyHasIsNamed) {
  const EchoServer server;
  EXPECT_EQ(lkl_netdev_open(
                ("slirp:,hostfwd=tcp:127.0.0.1:" + std::to_string(server.port()) + "-:80").c_str(),
                nullptr, &nd_),
            -LKL_EADDRINUSE);
  EXPECT_NE(kernel_log().find("lkl: slirp: hostfwd: TCP port " + std::to_string(server.port()) +
                              " of 127.0.0.1 of the host is in use"),
            std::string::npos)
      << kernel_log();
}

TEST_F(SlirpTest, PortsOfTheNetworkLeadToProgramsOfTheHost) {
  char folder[] = "/tmp/lkl-slirp-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/socket";
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un here = {};
  here.sun_family = AF_UNIX;
  path.copy(here.sun_path, sizeof here.sun_path - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
  ASSERT_EQ(listen(listener, 5), 0);
  std::thread host([&] {
    const int fd = accept(listener, nullptr, nullptr);
    EXPECT_TRUE(echo(kHosts, fd));
    close(fd);
  });
  connect_slirp(",guestfwd=tcp:10.0.2.100:1234-unix:" + path +
                ",guestfwd=tcp:10.0.2.100:1235-cmd:cat");
  lkl_sockaddr_in there = address("10.0.2.100", 1234);
  talk_and_close(open_and_connect(there), 1 << 20);
  host.join();
  close(listener);
  unlink(path.c_str());
  rmdir(folder);
  // twice: a program for each
  for (int i = 0; i < 2; ++i) {
    there = address("10.0.2.100", 1235);
    talk_and_close(open_and_connect(there), 1 << 20);
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a program is left that we have to wait for";
}

namespace {

// A question of DHCP's, as RFC 2131 has it, and its answer.
std::vector<unsigned char> discover() {
  std::vector<unsigned char> message(240);
  message[0] = 1, message[1] = 1, message[2] = 6;  // a question by Ethernet
  message[4] = 0x12, message[5] = 0x34, message[6] = 0x56, message[7] = 0x78;
  message[10] = 0x80;  // the answer is to be a broadcast
  const unsigned char mac[6] = {2, 0, 0, 0, 0, 1};
  std::memcpy(&message[28], mac, sizeof mac);
  const unsigned char cookie[4] = {99, 130, 83, 99};
  std::memcpy(&message[236], cookie, sizeof cookie);
  message.insert(message.end(), {53, 1, 1, 255});
  message.resize(300);
  return message;
}

// The value of an option; "" if it is not there.
std::string option_of(const std::vector<unsigned char>& message, unsigned char number) {
  for (size_t at = 240; at + 1 < message.size() && message[at] != 255;) {
    const size_t size = message[at] ? message[at + 1] : 0;
    if (message[at] == number)
      return std::string(reinterpret_cast<const char*>(&message[at + 2]), size);
    at += message[at] ? 2 + size : 1;
  }
  return "";
}

}  // namespace

TEST_F(SlirpTest, AnswersByDhcp) {
  connect_slirp(",hostname=guest,domainname=example.org,dhcpstart=10.0.2.77");
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  const int yes = 1;
  ASSERT_EQ(lkl_sys_setsockopt(udp, LKL_SOL_SOCKET, LKL_SO_BROADCAST,
                               reinterpret_cast<char*>(const_cast<int*>(&yes)), sizeof yes),
            0);
  ASSERT_EQ(
      lkl_sys_setsockopt(udp, LKL_SOL_SOCKET, LKL_SO_BINDTODEVICE, const_cast<char*>("eth0"), 5),
      0);
  lkl_sockaddr_in client = address("0.0.0.0", 68);
  ASSERT_EQ(lkl_sys_bind(udp, generic(client), sizeof client), 0);
  lkl_sockaddr_in all = address("255.255.255.255", 67);
  std::vector<unsigned char> message = discover();
  ASSERT_EQ(lkl_sys_sendto(udp, message.data(), message.size(), 0, generic(all), sizeof all),
            static_cast<long>(message.size()));
  ASSERT_EQ(wait_readable(udp), 1);
  message.assign(2000, 0);
  const long size = lkl_sys_recvfrom(udp, message.data(), message.size(), 0, nullptr, nullptr);
  ASSERT_GT(size, 240);
  message.resize(static_cast<size_t>(size));
  EXPECT_EQ(message[0], 2);
  EXPECT_EQ(message[4], 0x12);
  EXPECT_EQ(std::memcmp(&message[16], "\x0a\x00\x02\x4d", 4), 0);        // the address
  EXPECT_EQ(option_of(message, 53), "\x02");                             // an offer
  EXPECT_EQ(option_of(message, 1), std::string("\xff\xff\xff\x00", 4));  // the network's mask
  EXPECT_EQ(option_of(message, 3), std::string("\x0a\x00\x02\x02", 4));  // the gateway
  EXPECT_EQ(option_of(message, 6), std::string("\x0a\x00\x02\x03", 4));  // the name server
  EXPECT_EQ(option_of(message, 12), "guest");
  EXPECT_EQ(option_of(message, 15), "example.org");
}

namespace {

// The process is root of a name space with a network and mounts of its own.
bool enter_own_world() {
  const uid_t user = getuid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)) return false;
  const int map = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
  const std::string line = "0 " + std::to_string(user) + " 1";
  const bool good = write(map, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  close(map);
  return good;
}

// The host's name server is one of the test's, which gives everything back with a letter more.
int ask_by_slirp() {
  constexpr int kNotHere = 77;
  if (!enter_own_world() || !host_up("lo", "127.0.0.1")) return kNotHere;
  char path[] = "/tmp/lkl-resolv-XXXXXX";
  const int file = mkstemp(path);
  const std::string text = "nameserver 127.0.0.1\n";
  if (write(file, text.data(), text.size()) < 0) return 1;
  const bool mounted = mount(path, "/etc/resolv.conf", nullptr, MS_BIND, nullptr) == 0;
  close(file);
  unlink(path);
  if (!mounted) return kNotHere;
  const int server = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in here = {};
  here.sin_family = AF_INET;
  here.sin_port = htons(53);
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(server, reinterpret_cast<sockaddr*>(&here), sizeof here)) return 2;
  std::thread serves([&] {
    char question[64];
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    const ssize_t count = recvfrom(server, question, sizeof question - 1, 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    question[count] = '!';
    sendto(server, question, static_cast<size_t>(count) + 1, 0, reinterpret_cast<sockaddr*>(&from),
           size);
  });
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) return 3;
  if (!kernel_has_ip()) return kNotHere;
  lkl_netdev* nd = nullptr;
  if (connect_card("slirp", kOwn, 0, nd)) return 4;
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address("10.0.2.3", 53);
  if (lkl_sys_sendto(udp, const_cast<char*>("name"), 4, 0, generic(there), sizeof there) != 4)
    return 5;
  if (wait_readable(udp) != 1) return 6;
  char answer[64] = "";
  if (lkl_sys_recvfrom(udp, answer, sizeof answer, 0, nullptr, nullptr) != 5) return 7;
  serves.join();
  return std::strcmp(answer, "name!") == 0 ? 0 : 8;
}

}  // namespace

TEST(Slirp, ForwardsToTheHostsNameServer) {
  const int result = in_child(ask_by_slirp);
  if (result == 77) GTEST_SKIP() << "needs name spaces of users, networks and mounts";
  EXPECT_EQ(result, 0);
}

// The other side goes away while much is on the way: the kernel hears of it, and SIGPIPE, which the
// library does not prevent, does not end us.
TEST_F(SlirpTest, APeersResetIsOne) {
  signal(SIGPIPE, SIG_DFL);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own = {};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
  ASSERT_EQ(listen(listener, 50), 0);
  socklen_t length = sizeof own;
  getsockname(listener, reinterpret_cast<sockaddr*>(&own), &length);
  connect_slirp();
  const std::vector<char> data = content(50000);
  for (int i = 0; i < 20; ++i) {
    lkl_sockaddr_in there = address(kGateway, ntohs(own.sin_port));
    const int fd = open_and_connect(there);
    ASSERT_GE(fd, 0);
    std::thread host([&] {
      const int peer = accept(listener, nullptr, nullptr);
      char some[1000];
      if (i % 2) {
        EXPECT_GT(read(peer, some, sizeof some), 0);
      }
      const linger at_once = {.l_onoff = 1, .l_linger = 0};
      setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      close(peer);
    });
    long result;
    do
      result = lkl_sys_sendto(fd, const_cast<char*>(data.data()), data.size(), LKL_MSG_NOSIGNAL,
                              nullptr, 0);
    while (result > 0);
    EXPECT_TRUE(result == -LKL_ECONNRESET || result == -LKL_EPIPE) << result;
    host.join();
    lkl_sys_close(fd);
  }
  lkl_sockaddr_in nobody = address(kGateway, free_port());
  EXPECT_EQ(open_and_connect(nobody), -LKL_ECONNREFUSED);
  close(listener);
}

TEST_F(SlirpTest, HasTwoHundredConnections) {
  EchoServer server;
  connect_slirp();
  std::vector<int> all;
  for (int i = 0; i < 200; ++i) {
    lkl_sockaddr_in there = address(kGateway, server.port());
    all.push_back(open_and_connect(there));
    ASSERT_GE(all.back(), 0) << i;
  }
  const std::vector<char> data = content(200 * 1000);
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(lkl_sys_write(all[i], &data[i * 1000], 1000), 1000);
  for (size_t i = 0; i < all.size(); ++i) {
    char back[1000];
    EXPECT_EQ(lkl_sys_recvfrom(all[i], back, sizeof back, LKL_MSG_WAITALL, nullptr, nullptr), 1000);
    EXPECT_EQ(std::memcmp(back, &data[i * 1000], 1000), 0) << i;
    EXPECT_EQ(lkl_sys_close(all[i]), 0);
  }
  EXPECT_EQ(server.accepted(), 200);
}

// The card goes, then the wire with its connections, while all that can be is on the way; and there
// is another one.
TEST_F(SlirpTest, ComesAndGoesUnderLoad) {
  EchoServer server;
  for (int i = 0; i < 3; ++i) {
    lkl_netdev* nd = nullptr;
    ASSERT_EQ(lkl_netdev_open(nullptr, nullptr, &nd), 0);
    const int id = lkl_netdev_add(nd, nullptr);
    ASSERT_GE(id, 0);
    const int index = lkl_netdev_get_ifindex(id);
    ASSERT_EQ(lkl_if_set_ipv4(index, inet_addr(kOwn), 24), 0);
    ASSERT_EQ(lkl_if_up(index), 0);
    std::atomic<size_t> got = 0;
    std::vector<std::thread> threads;
    std::array<int, 4> all;
    for (int& fd : all) {
      lkl_sockaddr_in there = address(kGateway, server.port());
      fd = open_and_connect(there);
      ASSERT_GE(fd, 0);
      threads.emplace_back([fd] {
        const std::vector<char> data = content(50000);
        while (lkl_sys_sendto(fd, const_cast<char*>(data.data()), data.size(), LKL_MSG_NOSIGNAL,
                              nullptr, 0) > 0)
          continue;
      });
      threads.emplace_back([fd, &got] {
        std::vector<char> data(50000);
        for (long count; (count = lkl_sys_read(fd, data.data(), data.size())) > 0;)
          got += static_cast<size_t>(count);
      });
    }
    while (got < (2u << 20)) usleep(1000);
    EXPECT_EQ(lkl_netdev_remove(id), 0);
    lkl_netdev_free(nd);
    for (const int fd : all) lkl_sys_shutdown(fd, LKL_SHUT_RDWR);
    for (std::thread& each : threads) each.join();
    for (const int fd : all) lkl_sys_close(fd);
  }
  // the server has heard of each end, or would not be through here
}

// The parent's connection goes on; the child, which has the descriptors as well, does nothing to
// it.
TEST_F(SlirpTest, TheWireStaysTheParents) {
  EchoServer server;
  connect_slirp();
  lkl_sockaddr_in there = address(kGateway, server.port());
  const int fd = open_and_connect(there);
  ASSERT_GE(fd, 0);
  std::array<char, 5> back;
  ASSERT_EQ(lkl_sys_write(fd, "first", 5), 5);
  ASSERT_EQ(lkl_sys_recvfrom(fd, back.data(), 5, LKL_MSG_WAITALL, nullptr, nullptr), 5);
  EXPECT_EQ(in_child([&] {
              for (int i = 0; i < 500 && carrier() != '0'; ++i) usleep(10'000);
              if (carrier() != '0') return 1;
              if (lkl_sys_write(fd, "child", 5) != 5) return 2;
              if (lkl_netdev_remove(0)) return 3;
              // it cannot be had by both
              if (lkl_netdev_add(nd_, nullptr) < 0) return 4;
              if (lkl_netdev_slirp_add_hostfwd(nd_, 0, nullptr, 5001, nullptr, 5001) != -LKL_ENODEV)
                return 5;
              lkl_netdev_free(nd_);
              return lkl_sys_halt() == 0 ? 0 : 6;
            }),
            0);
  talk_and_close(fd, 2 << 20);
}

TEST_F(SlirpTest, AWireWithoutACardIsTheChildsToo) {
  if (kThreadSanitizer) GTEST_SKIP() << kWhyNoForkBesideThreads;
  EchoServer server;
  const unsigned short port = free_port();
  ASSERT_EQ(
      lkl_netdev_open(("slirp:,hostfwd=tcp:127.0.0.1:" + std::to_string(port) + "-:5001").c_str(),
                      nullptr, &nd_),
      0);
  const auto use = [&] {
    const int id = lkl_netdev_add(nd_, nullptr);
    const int index = lkl_netdev_get_ifindex(id);
    if (lkl_if_set_ipv4(index, inet_addr(kOwn), 24) || lkl_if_up(index)) return 1;
    lkl_sockaddr_in there = address(kGateway, server.port());
    talk_and_close(open_and_connect(there), 1 << 20);
    std::thread kernel = echo_once(address("0.0.0.0"));
    talk_from_host(host_connect(port), 1 << 20);
    kernel.join();
    return HasFailure() ? 2 : 0;
  };
  EXPECT_EQ(in_child(use), 0);
  EXPECT_EQ(use(), 0);
}

TEST_F(SlirpTest, TheNextKernelHasTheSameWire) {
  EchoServer server;
  connect_slirp();
  lkl_sockaddr_in there = address(kGateway, server.port());
  const int fd = open_and_connect(there);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(lkl_sys_write(fd, "x", 1), 1);
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  ASSERT_EQ(lkl_init(&ops_), 0);
  ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=8"), 0);
  const int id = lkl_netdev_add(nd_, nullptr);
  ASSERT_GE(id, 0);
  const int index = lkl_netdev_get_ifindex(id);
  ASSERT_EQ(lkl_if_set_ipv4(index, inet_addr(kOwn), 24), 0);
  ASSERT_EQ(lkl_if_up(index), 0);
  talk_and_close(open_and_connect(there), 1 << 20);
  // the server waits for the end of the first connection, which the wire has as long as it is there
  EXPECT_EQ(lkl_netdev_remove(id), 0);
  lkl_netdev_free(std::exchange(nd_, nullptr));
}

namespace {

long sleeps_of(unsigned seconds) {
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  sleep(seconds);
  getrusage(RUSAGE_SELF, &after);
  return after.ru_nvcsw - before.ru_nvcsw;
}

}  // namespace

// A card that nobody uses wakes nobody: a second of it has not many more sleeps than one without.
TEST_F(SlirpTest, IsSilentWhenIdle) {
  const long without = sleeps_of(1);
  connect_slirp();
  // IPv6 is looking for its neighbors at first; and others may keep the processors busy
  long with = LONG_MAX;
  for (int tries = 0; tries < 10 && with > without + 20; ++tries)
    with = std::min(with, sleeps_of(1));
  EXPECT_LE(with, without + 20);
}
