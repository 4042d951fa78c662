// SPDX-License-Identifier: GPL-2.0
// Network cards on wires of the host: between two kernels, between a kernel and the test, and
// between a kernel and the host's own stack.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <lkl/linux/ethtool.h>

#include "net/conversation.h"
#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

struct Kind {
  const char* name;
  int type;
  const char* words;
  unsigned short mtu;
};

void PrintTo(const Kind& kind, std::ostream* to) {
  *to << kind.name;
}

class TwoKernelsTest : public ::testing::TestWithParam<Kind> {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(By, TwoKernelsTest,
                         ::testing::Values(Kind{"datagrams", SOCK_DGRAM, "", 0},
                                           Kind{"jumbo", SOCK_SEQPACKET, "", 9000},
                                           Kind{"segments", SOCK_SEQPACKET, ",header", 0},
                                           Kind{"least", SOCK_SEQPACKET, ",header", 576}),
                         [](const auto& info) { return info.param.name; });

TEST_P(TwoKernelsTest, TalkToEachOther) {
  const Kind& kind = GetParam();
  const Wire wire(kind.type);
  const pid_t peer = start_peer(fd_uri(wire.end(1), kind.words), "10.0.0.2", kind.mtu);
  if (!boot_with_network()) {
    kill(peer, SIGKILL);
    end_of(peer);
    GTEST_SKIP() << "the kernel has no network";
  }
  ASSERT_FALSE(HasFailure());
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(fd_uri(wire.end(0), kind.words).c_str(), "10.0.0.1", kind.mtu, nd), 0);

  // packets of all lengths, whole and in fragments; the first wait until the peer is there
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address("10.0.0.2");
  const std::vector<char> data = content(20000);
  for (const size_t size : {1, 17, 548, 549, 1471, 1472, 1473, 8972, 20000}) {
    std::vector<char> back(size + 1);
    long got = -1;
    for (int tries = 0; tries < 600 && got < 0; ++tries) {
      EXPECT_EQ(lkl_sys_sendto(udp, const_cast<char*>(data.data()), size, 0, generic(there),
                               sizeof there),
                static_cast<long>(size));
      lkl_pollfd wait = {.fd = udp, .events = LKL_POLLIN, .revents = 0};
      // what was sent twice is answered twice, and late
      for (__lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 100'000'000};
           got != static_cast<long>(size) && lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0) == 1;)
        got = lkl_sys_recvfrom(udp, back.data(), back.size(), 0, nullptr, nullptr);
      if (got != static_cast<long>(size)) got = -1;
    }
    EXPECT_EQ(got, static_cast<long>(size));
    EXPECT_EQ(std::memcmp(back.data(), data.data(), size), 0) << size;
  }
  talk_by_tcp("10.0.0.2", 6 << 20);
  EXPECT_EQ(end_of(peer), 0);
  EXPECT_EQ(complaint_in_log(), "");
  lkl_cleanup();
  lkl_netdev_free(nd);
}

// Frames as they are: a question by ARP, and its answer, by who has no network stack at all.
TEST_F(NicTest, AnswersByArp) {
  const Wire wire;
  lkl_netdev* nd = nullptr;
  lkl_netdev_options options = {};
  options.struct_size = sizeof options;
  const unsigned char mac[6] = {2, 0, 0, 1, 2, 3};
  std::memcpy(options.mac, mac, sizeof mac);
  ASSERT_EQ(lkl_netdev_open(fd_uri(wire.end(0)).c_str(), &options, &nd), 0);
  const int id = lkl_netdev_add(nd, nullptr);
  ASSERT_GE(id, 0);
  const int index = lkl_netdev_get_ifindex(id);
  ASSERT_GT(index, 1);
  ASSERT_EQ(lkl_if_set_ipv4(index, inet_addr("10.0.0.1"), 24), 0);
  ASSERT_EQ(lkl_if_up(index), 0);

  unsigned char question[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 9, 9, 9, 9,  9, 8, 6,
                                0,    1,    8,    0,    6,    4,    0, 1, 2, 9, 9,  9, 9, 9,
                                10,   0,    0,    2,    0,    0,    0, 0, 0, 0, 10, 0, 0, 1};
  question[12] = 0x08, question[13] = 0x06;
  unsigned char answer[2048];
  bool answered = false;
  for (int i = 0; i < 100 && !answered; ++i) {
    ASSERT_EQ(write(wire.end(1), question, sizeof question), static_cast<ssize_t>(sizeof question));
    pollfd wait = {.fd = wire.end(1), .events = POLLIN, .revents = 0};
    while (!answered && poll(&wait, 1, 50) == 1) {
      const ssize_t count = read(wire.end(1), answer, sizeof answer);
      answered = count >= 42 && answer[12] == 8 && answer[13] == 6 && answer[21] == 2;
    }
  }
  ASSERT_TRUE(answered);
  EXPECT_EQ(std::memcmp(answer + 6, mac, 6), 0);
  EXPECT_EQ(std::memcmp(answer + 22, mac, 6), 0);
  const unsigned char own[4] = {10, 0, 0, 1};
  EXPECT_EQ(std::memcmp(answer + 28, own, 4), 0);
  lkl_netdev_free(nd);
}

// Nobody takes what is sent: it waits, and so does who sends, until somebody does.
TEST_F(NicTest, AFullWireHoldsUpWhoSends) {
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(fd_uri(wire.end(0)).c_str(), "10.0.0.1", 0, nd), 0);
  ASSERT_NO_FATAL_FAILURE(know_the_neighbor("10.0.0.2"));
  std::atomic<int> sent = 0;
  constexpr int kPackets = 20000;
  std::thread sends([&] {
    const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
    lkl_sockaddr_in there = address("10.0.0.2");
    std::vector<char> packet(1400);
    for (int i = 0; i < kPackets; ++i) {
      std::memcpy(packet.data(), &i, sizeof i);
      while (lkl_sys_sendto(udp, packet.data(), packet.size(), 0, generic(there), sizeof there) !=
             static_cast<long>(packet.size()))
        usleep(100);
      ++sent;
    }
    lkl_sys_close(udp);
  });
  int before;
  do {
    before = sent;
    usleep(300'000);
  } while (sent != before);
  EXPECT_LT(sent, kPackets);
  // none of them is lost, and they are in order
  int next = 0;
  std::vector<char> frame(2048);
  while (next < kPackets) {
    pollfd wait = {.fd = wire.end(1), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, 5000) != 1) break;
    const ssize_t count = read(wire.end(1), frame.data(), frame.size());
    if (count != 14 + 20 + 8 + 1400) continue;
    int number;
    std::memcpy(&number, frame.data() + 42, sizeof number);
    ASSERT_EQ(number, next);
    ++next;
  }
  EXPECT_EQ(next, kPackets);
  sends.join();
  lkl_netdev_free(nd);
}

TEST_F(NicTest, ComesAndGoes) {
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(lkl_netdev_open(fd_uri(wire.end(0)).c_str(), nullptr, &nd), 0);
  std::atomic<bool> stop = false;
  std::thread noise([&] {
    std::vector<char> frame(1000, static_cast<char>(0xff));
    while (!stop)
      if (send(wire.end(1), frame.data(), frame.size(), MSG_DONTWAIT) < 0) usleep(100);
  });
  for (int i = 0; i < 20; ++i) {
    const int id = lkl_netdev_add(nd, nullptr);
    ASSERT_GE(id, 0);
    EXPECT_EQ(lkl_netdev_add(nd, nullptr), -LKL_EBUSY);
    const int index = lkl_netdev_get_ifindex(id);
    EXPECT_GT(index, 1);
    EXPECT_EQ(lkl_if_up(index), 0);
    usleep(2000);
    EXPECT_EQ(lkl_netdev_remove(id), 0);
    EXPECT_EQ(lkl_netdev_remove(id), -LKL_ENODEV);
    EXPECT_EQ(lkl_netdev_get_ifindex(id), -LKL_ENODEV);
    EXPECT_EQ(lkl_if_up(index), -LKL_ENODEV);
  }
  // the same wire, with the next kernel
  ASSERT_GE(lkl_netdev_add(nd, nullptr), 0);
  EXPECT_EQ(lkl_if_up(lkl_ifname_to_ifindex("eth0")), 0);
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  ASSERT_EQ(lkl_init(&ops_), 0);
  const int id = lkl_netdev_add(nd, nullptr);
  ASSERT_GE(id, 0);
  EXPECT_EQ(lkl_netdev_get_ifindex(id), -LKL_ENODEV);
  ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=8"), 0);
  EXPECT_GT(lkl_netdev_get_ifindex(id), 1);
  EXPECT_EQ(lkl_if_up(lkl_netdev_get_ifindex(id)), 0);
  stop = true;
  noise.join();
  lkl_netdev_free(nd);  // the card keeps it
}

// The child has the card, and no wire.
TEST_F(NicTest, TheWireStaysTheParents) {
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(fd_uri(wire.end(0)).c_str(), "10.0.0.1", 0, nd), 0);
  EXPECT_EQ(carrier(), '1');
  EXPECT_EQ(in_child([] {
              for (int i = 0; i < 500 && carrier() != '0'; ++i) usleep(10'000);
              return carrier() == '0' ? 0 : 1;
            }),
            0);
  EXPECT_EQ(carrier(), '1');
  lkl_netdev_free(nd);
}

// Who has the other end has gone.
TEST_F(NicTest, TheLinkIsDownWhenTheWireIsCut) {
  auto wire = std::make_unique<Wire>();
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(fd_uri(wire->end(0)).c_str(), "10.0.0.1", 0, nd), 0);
  EXPECT_EQ(carrier(), '1');
  wire.reset();
  for (int i = 0; i < 500 && carrier() != '0'; ++i) usleep(10'000);
  EXPECT_EQ(carrier(), '0');
  lkl_netdev_free(nd);
}

TEST(Nic, WhatIsNoWire) {
  lkl_netdev* nd = nullptr;
  EXPECT_EQ(lkl_netdev_open("fd:0", nullptr, nullptr), -LKL_EINVAL);
  EXPECT_EQ(lkl_netdev_open("token-ring:", nullptr, &nd), -LKL_EPROTONOSUPPORT);
  for (const char* uri : {"fd:", "fd:x", "fd:-1", "fd:1x", "fd:1:", "fd:1,headers",
                          "tap:", "tap:a-name-that-is-too-long"})
    EXPECT_EQ(lkl_netdev_open(uri, nullptr, &nd), -LKL_EINVAL) << uri;
  EXPECT_EQ(lkl_netdev_open("fd:1000000", nullptr, &nd), -LKL_EBADF);
  int stream[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
  EXPECT_EQ(lkl_netdev_open(fd_uri(stream[0]).c_str(), nullptr, &nd), -LKL_EPROTOTYPE);
  close(stream[0]);
  close(stream[1]);
  const int file = open("/dev/null", O_RDWR | O_CLOEXEC);
  EXPECT_EQ(lkl_netdev_open(fd_uri(file).c_str(), nullptr, &nd), -LKL_EINVAL);
  close(file);
  const Wire wire;
  lkl_netdev_options options = {};
  EXPECT_EQ(lkl_netdev_open(fd_uri(wire.end(0)).c_str(), &options, &nd), -LKL_EINVAL);
  options.struct_size = sizeof options;
  options.mtu = 67;
  EXPECT_EQ(lkl_netdev_open(fd_uri(wire.end(0)).c_str(), &options, &nd), -LKL_EINVAL);
  options.mtu = 0;
  options.mac[0] = 1;
  EXPECT_EQ(lkl_netdev_open(fd_uri(wire.end(0)).c_str(), &options, &nd), -LKL_EINVAL);
  EXPECT_EQ(nd, nullptr);
  lkl_netdev_free(nullptr);
}

namespace {

// How many pairs of queues the driver uses: 0 or the error of ethtool's request.
long use_channels(const char* name, unsigned count) {
  const long fd = lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0);
  lkl_ethtool_channels channels = {};
  channels.cmd = LKL_ETHTOOL_SCHANNELS;
  channels.combined_count = count;
  lkl_ifreq request = {};
  std::strncpy(request.lkl_ifr_name, name, sizeof request.lkl_ifr_name - 1);
  request.lkl_ifr_data = reinterpret_cast<char*>(&channels);
  const long error = lkl_sys_ioctl(static_cast<unsigned>(fd), LKL_SIOCETHTOOL,
                                   reinterpret_cast<lkl_ulong>(&request));
  lkl_sys_close(static_cast<int>(fd));
  return error;
}

int talk_to_host(unsigned queues) {
  constexpr int kNotHere = 77;
  if (!enter_own_network()) return kNotHere;
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  if (!kernel_has_ip()) return kNotHere;
  lkl_netdev* nd = nullptr;
  const std::string uri = "tap:lkltap0,queues=" + std::to_string(queues);
  const int error = connect_card(uri.c_str(), "10.9.0.2", 0, nd);
  if (error == -LKL_ENODEV || error == -LKL_EPERM || error == -LKL_EACCES) return kNotHere;
  if (error) return 2;
  lkl_netdev* second = nullptr;
  if (queues == 1 && lkl_netdev_open("tap:lkltap0", nullptr, &second) != -LKL_EBUSY) return 3;
  if (queues > 1 && use_channels("eth0", queues)) return 3;
  if (use_channels("eth0", queues + 1) != -LKL_EINVAL) return 3;
  if (!host_up("lkltap0", "10.9.0.1")) return 4;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in here = {};
  here.sin_family = AF_INET;
  here.sin_port = htons(kPort);
  if (bind(listener, reinterpret_cast<sockaddr*>(&here), sizeof here) || listen(listener, 16))
    return 5;
  const unsigned flows = queues == 1 ? 1 : 8;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < flows; ++i)
    threads.emplace_back([&] {
      const int fd = accept(listener, nullptr, nullptr);
      EXPECT_TRUE(echo(kHosts, fd));
      close(fd);
    });
  for (unsigned i = 0; i < flows; ++i)
    threads.emplace_back([&] { talk_by_tcp("10.9.0.1", (32 << 20) / flows); });
  for (std::thread& thread : threads) thread.join();
  if (queues > 1 && use_channels("eth0", 1)) return 8;
  if (lkl_sys_halt()) return 6;
  lkl_cleanup();
  lkl_netdev_free(nd);
  return ::testing::Test::HasFailure() || !complaint_in_log().empty() ? 7 : 0;
}

}  // namespace

TEST(Nic, TalksToTheHostByTap) {
  const int result = in_child([] { return talk_to_host(1); });
  if (result == 77) GTEST_SKIP() << "needs a network name space and /dev/net/tun";
  EXPECT_EQ(result, 0);
}

TEST(Nic, TalksToTheHostByQueuesOfATap) {
  const int result = in_child([] { return talk_to_host(3); });
  if (result == 77) GTEST_SKIP() << "needs a network name space and /dev/net/tun";
  EXPECT_EQ(result, 0);
}
