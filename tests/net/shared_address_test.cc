// SPDX-License-Identifier: GPL-2.0
// Two stacks on one address: the host's, and the library's on "raw:IF,shared". A third one, in
// another network, talks to both, and somebody there counts who is refused what.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "net/conversation.h"
#include "net/two_networks.h"
#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr int kNoNetworks = 77;
constexpr char kUri[] = "raw:near0,shared,ports=8080+61000-61063";
constexpr unsigned short kHostPort = 7000, kOurServer = 8080, kOurClient = 61001, kNobodys = 61063;
constexpr size_t kSize = 4 << 20;

const sockaddr* host_generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// What arrives at the far interface: TCP's resets, and complaints by ICMP.
class Refusals final {
 public:
  explicit Refusals(const TwoNetworks& networks) {
    networks.in_far([&] { fd_ = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP)); });
  }
  ~Refusals() { close(fd_); }
  // Since the last time.
  int count() {
    int found = 0;
    unsigned char packet[100];
    sockaddr_ll from;
    for (;;) {
      socklen_t length = sizeof from;
      if (recvfrom(fd_, packet, sizeof packet, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from),
                   &length) < 34)
        return found;
      if (from.sll_pkttype == PACKET_OUTGOING) continue;
      const unsigned char* payload = packet + 4 * (packet[0] & 15);
      if (packet[9] == IPPROTO_TCP && payload[13] & 4) ++found;
      if (packet[9] == IPPROTO_ICMP && payload[0] == 3) ++found;
    }
  }

 private:
  int fd_ = -1;
};

int socket_at(int type, unsigned short port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const sockaddr_in here = host_address("0.0.0.0", port);
  if (bind(fd, host_generic(here), sizeof here)) return -1;
  return fd;
}

int our_socket_at(int type, unsigned short port) {
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, type, 0));
  lkl_sockaddr_in here = address("0.0.0.0", port);
  EXPECT_EQ(lkl_sys_bind(fd, generic(here), sizeof here), 0);
  return fd;
}

// From the far network to this port of the address, by TCP: all comes back.
void far_talks_by_tcp(const TwoNetworks& networks, unsigned short port) {
  networks.in_far([&] {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in there = host_address(kOurAddress, port);
    ASSERT_EQ(connect(fd, host_generic(there), sizeof there), 0) << std::strerror(errno);
    talk(kHosts, fd, kSize, [&] { EXPECT_EQ(shutdown(fd, SHUT_WR), 0); });
    close(fd);
  });
}

// The same by UDP, datagram by datagram; how many were answered.
int far_talks_by_udp(const TwoNetworks& networks, unsigned short port, int count) {
  int answered = 0;
  networks.in_far([&] {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in there = host_address(kOurAddress, port);
    connect(fd, host_generic(there), sizeof there);
    for (int i = 0; i < count; ++i) {
      send(fd, &i, sizeof i, 0);
      pollfd wait = {.fd = fd, .events = POLLIN, .revents = 0};
      int back = -1;
      if (poll(&wait, 1, 2000) == 1 && recv(fd, &back, sizeof back, 0) == sizeof back && back == i)
        ++answered;
    }
    close(fd);
  });
  return answered;
}

int share() {
  TwoNetworks networks;
  if (!networks.ready() || !host_up("near0", kOurAddress)) return kNoNetworks;
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  if (!kernel_has_ip()) return kNoNetworks;
  lkl_netdev* nd = nullptr;
  if (connect_card(kUri, kOurAddress, 0, nd)) return 2;
  if (!networks.start_echo()) return 3;
  Refusals refusals(networks);

  // the host answers what is for neither
  EXPECT_EQ(networks.replies_to_ping(kOurAddress), 1);

  // the host's services
  const int host_udp = socket_at(SOCK_DGRAM, kHostPort),
            host_tcp = socket_at(SOCK_STREAM, kHostPort);
  listen(host_tcp, 1);
  std::thread host_serves([&] {
    const int fd = accept(host_tcp, nullptr, nullptr);
    EXPECT_TRUE(echo(kHosts, fd));
    close(fd);
  });
  std::thread host_answers([&] {
    sockaddr_in from;
    for (int number;;) {
      socklen_t length = sizeof from;
      auto* who = reinterpret_cast<sockaddr*>(&from);
      if (recvfrom(host_udp, &number, sizeof number, 0, who, &length) <= 0) return;
      sendto(host_udp, &number, sizeof number, 0, who, length);
    }
  });
  far_talks_by_tcp(networks, kHostPort);
  EXPECT_EQ(far_talks_by_udp(networks, kHostPort, 50), 50);
  host_serves.join();
  shutdown(host_udp, SHUT_RDWR);
  host_answers.join();

  // ours
  const int our_tcp = our_socket_at(LKL_SOCK_STREAM, kOurServer);
  const int our_udp = our_socket_at(LKL_SOCK_DGRAM, kOurServer);
  lkl_sys_listen(our_tcp, 1);
  std::thread we_serve([&] {
    const int fd = static_cast<int>(lkl_sys_accept(our_tcp, nullptr, nullptr));
    EXPECT_TRUE(echo(kOurs, fd));
    lkl_sys_close(fd);
  });
  std::thread we_answer([&] {
    lkl_sockaddr_in from;
    int number;
    for (int i = 0; i < 50; ++i) {
      int length = sizeof from;
      lkl_sys_recvfrom(our_udp, reinterpret_cast<char*>(&number), sizeof number, 0, generic(from),
                       &length);
      lkl_sys_sendto(our_udp, reinterpret_cast<char*>(&number), sizeof number, 0, generic(from),
                     length);
    }
  });
  far_talks_by_tcp(networks, kOurServer);
  EXPECT_EQ(far_talks_by_udp(networks, kOurServer, 50), 50);
  we_serve.join();
  we_answer.join();

  // we, as the far one's client
  const int client = our_socket_at(LKL_SOCK_STREAM, kOurClient);
  lkl_sockaddr_in there = address(kFarAddress);
  EXPECT_EQ(lkl_sys_connect(client, generic(there), sizeof there), 0);
  talk(kOurs, client, kSize, [&] { EXPECT_EQ(lkl_sys_shutdown(client, LKL_SHUT_WR), 0); });
  EXPECT_TRUE(networks.echo_ended());
  EXPECT_EQ(lkl_sys_close(client), 0);
  EXPECT_EQ(refusals.count(), 0);

  // what nobody listens to is refused once: by us, if it is ours, and else by the host
  for (const unsigned short port : {kNobodys, kHostPort}) {
    EXPECT_EQ(far_talks_by_udp(networks, port, port == kNobodys ? 1 : 0), 0);
    if (port == kHostPort) close(host_tcp), close(host_udp);
    networks.in_far([&] {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = host_address(kOurAddress, port);
      EXPECT_EQ(connect(fd, host_generic(address), sizeof address), -1);
      EXPECT_EQ(errno, ECONNREFUSED);
      close(fd);
    });
    usleep(100'000);  // a second one would follow
    EXPECT_EQ(refusals.count(), port == kNobodys ? 2 : 1);
  }

  // from a port that is not ours nothing goes out
  const int other = our_socket_at(LKL_SOCK_DGRAM, kHostPort);
  EXPECT_EQ(lkl_sys_sendto(other, const_cast<char*>("x"), 1, 0, generic(there), sizeof there), 1);
  lkl_pollfd wait = {.fd = other, .events = LKL_POLLIN, .revents = 0};
  __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 200'000'000};
  EXPECT_EQ(lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0), 0);

  // a port is the host's or ours
  EXPECT_EQ(socket_at(SOCK_STREAM, kOurServer), -1);
  EXPECT_EQ(errno, EADDRINUSE);
  if (lkl_sys_halt()) return 4;
  lkl_cleanup();
  lkl_netdev_free(nd);
  const int again = socket_at(SOCK_STREAM, kOurServer);
  EXPECT_GE(again, 0);
  EXPECT_EQ(lkl_netdev_open(kUri, nullptr, &nd), -LKL_EADDRINUSE);
  close(again);
  return ::testing::Test::HasFailure() || !complaint_in_log().empty() ? 5 : 0;
}

// The host's queue takes a few frames and is slow: none is lost, and it goes on. Nor is one at the
// receiver, however late that comes to read: what is on the way fits into its socket.
int meet_a_full_queue() {
  constexpr int kPackets = 1500;
  TwoNetworks networks;
  if (!networks.ready() ||
      !run_command("tc qdisc add dev near0 root tbf rate 40mbit burst 5kb limit 6kb"))
    return kNoNetworks;
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  if (!kernel_has_ip()) return kNoNetworks;
  lkl_netdev* nd = nullptr;
  if (connect_card("raw:near0", kOurAddress, 0, nd)) return 2;
  EXPECT_EQ(networks.replies_to_ping(kOurAddress), 1);  // they know each other
  int far = -1;
  networks.in_far([&] { far = socket_at(SOCK_DGRAM, kPort); });
  const timeval patience = {.tv_sec = 5, .tv_usec = 0};
  setsockopt(far, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::counting_semaphore<> may_be_sent(50);
  std::thread sends([&] {
    const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
    lkl_sockaddr_in there = address(kFarAddress);
    std::vector<char> packet(1000);
    for (int i = 0; i < kPackets; ++i) {
      std::memcpy(packet.data(), &i, sizeof i);
      may_be_sent.acquire();
      EXPECT_EQ(lkl_sys_sendto(udp, packet.data(), packet.size(), 0, generic(there), sizeof there),
                1000);
    }
  });
  // In which order they come is the host's matter: those its queue lets go by a timer wait on
  // another processor than those it takes on the way, and either may be overtaken.
  std::vector<char> packet(2000);
  std::vector<bool> came(kPackets);
  int count = 0;
  for (; count < kPackets; ++count) {
    uint32_t number = kPackets;
    if (recv(far, packet.data(), packet.size(), 0) != 1000) break;
    std::memcpy(&number, packet.data(), sizeof number);
    if (number >= kPackets || came[number]) break;
    came[number] = true;
    may_be_sent.release();
  }
  EXPECT_EQ(count, kPackets);
  may_be_sent.release(kPackets);
  sends.join();
  close(far);
  if (lkl_sys_halt()) return 4;
  lkl_cleanup();
  lkl_netdev_free(nd);
  return ::testing::Test::HasFailure() || !complaint_in_log().empty() ? 5 : 0;
}

}  // namespace

TEST(SharedAddress, DisturbsNobody) {
  const int result = in_child(share);
  if (result == kNoNetworks) GTEST_SKIP() << "needs network name spaces, and ip";
  EXPECT_EQ(result, 0);
}

TEST(RawInterface, WaitsForTheHostsQueue) {
  const int result = in_child(meet_a_full_queue);
  if (result == kNoNetworks) GTEST_SKIP() << "needs network name spaces, ip, and tc with tbf";
  EXPECT_EQ(result, 0);
}
