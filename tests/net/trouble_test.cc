// SPDX-License-Identifier: GPL-2.0
// What goes wrong in networks: no descriptors left, peers that reset, links that come and go, cards
// that are taken away.
#include <lkl/linux/if_packet.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "net/netlink_builder.h"
#include "net/pair.h"

using namespace lkl_test;

namespace {

class TroubleTest : public PairTest {};

void close_with_reset(int fd) {
  const std::array<int, 2> none = {1, 0};  // struct linger: on, and no time
  EXPECT_EQ(set_option(fd, LKL_SOL_SOCKET, LKL_SO_LINGER, none), 0);
  EXPECT_EQ(lkl_sys_close(fd), 0);
}

}  // namespace

TEST_F(TroubleTest, NoDescriptorIsLeftToAccept) {
  boot();
  const int listener = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  lkl_sockaddr_in here = address("127.0.0.1");
  ASSERT_EQ(lkl_if_up(1), 0);
  ASSERT_EQ(lkl_sys_bind(listener, generic(here), sizeof here), 0);
  ASSERT_EQ(lkl_sys_listen(listener, 8), 0);
  const int client = connect_to("127.0.0.1");
  ASSERT_EQ(lkl_sys_write(client, "held", 4), 4);
  std::vector<int> others;
  long fd;
  ASSERT_EQ(lkl_set_fd_limit(64), 0);
  while ((fd = lkl_sys_dup(listener)) >= 0) others.push_back(static_cast<int>(fd));
  EXPECT_EQ(fd, -LKL_EMFILE);
  EXPECT_EQ(lkl_sys_accept(listener, nullptr, nullptr), -LKL_EMFILE);
  lkl_sys_close(others.back());
  // it has waited
  fd = lkl_sys_accept(listener, nullptr, nullptr);
  ASSERT_GE(fd, 0);
  char word[4];
  EXPECT_EQ(lkl_sys_read(static_cast<int>(fd), word, sizeof word), 4);
  EXPECT_EQ(std::string(word, 4), "held");
}

TEST_F(TroubleTest, AWatchEndsBeforeTheKernels) {
  int seen = 0;
  {
    const Watching watching(wire(), [&](int, Frame) { return ++seen; });
    boot();
    EXPECT_TRUE(ping("10.0.0.2"));
  }
  const int then = seen;
  EXPECT_GE(then, 2);
  EXPECT_TRUE(ping("10.0.0.2"));
  EXPECT_EQ(seen, then);
}

TEST_F(TroubleTest, APeerResets) {
  std::atomic<int> resets = 0;
  const Watching watching(wire(), [&](int from, Frame frame) {
    if (from == 1 && ip_protocol(frame) == 6 && (frame[47] & 4)) ++resets;
    return true;
  });
  boot([](int side) {
    if (side == 0) return;
    const int listener = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
    lkl_sockaddr_in here = address("0.0.0.0", 5002);
    ASSERT_EQ(lkl_sys_bind(listener, generic(here), sizeof here), 0);
    ASSERT_EQ(lkl_sys_listen(listener, 1), 0);
    std::thread([listener] {
      const int fd = static_cast<int>(lkl_sys_accept(listener, nullptr, nullptr));
      char word[4];
      EXPECT_EQ(lkl_sys_read(fd, word, sizeof word), 4);
      close_with_reset(fd);
    }).detach();
  });
  const int fd = connect_to("10.0.0.2", 0, 5002);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(resets, 0);
  ASSERT_EQ(lkl_sys_write(fd, "stop", 4), 4);
  char word[4];
  EXPECT_EQ(lkl_sys_read(fd, word, sizeof word), -LKL_ECONNRESET);
  EXPECT_EQ(lkl_sys_sendto(fd, "more", 4, LKL_MSG_NOSIGNAL, nullptr, 0), -LKL_EPIPE);
  EXPECT_EQ(resets, 1);
  lkl_sys_close(fd);
  talk_by_tcp("10.0.0.2", 1 << 20);
}

// What was under way arrives when the link is back.
TEST_F(TroubleTest, ALinkComesAndGoes) {
  std::atomic<uint64_t> seen = 0;
  const Watching watching(wire(), [&](int, Frame frame) { return seen += frame.size(), true; });
  boot();
  std::atomic<bool> through = false;
  std::thread talks([&] {
    talk_by_tcp("10.0.0.2", 8 << 20);
    through = true;
  });
  for (int i = 1; i <= 4; ++i) {
    while (seen < static_cast<uint64_t>(i) << 20) usleep(100);
    EXPECT_EQ(lkl_if_down(card(0)), 0);
    EXPECT_FALSE(through);
    EXPECT_EQ(lkl_if_up(card(0)), 0);
  }
  talks.join();
  EXPECT_TRUE(through);
}

// Frames go out of it and come in, by several threads, while it is taken away.
TEST(Trouble, ACardIsTakenAwayUnderLoad) {
  static lkl_host_operations silent = {};
  silent.print = keep_log;
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=128M loglevel=5"), 0);
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(lkl_netdev_open(fd_uri(wire.end(0)).c_str(), nullptr, &nd), 0);
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> taken = 0;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {  // who has the other end throws back what it gets
    std::vector<char> frame(2048);
    for (ssize_t count; (count = recv(wire.end(1), frame.data(), frame.size(), 0)) > 0;) {
      ++taken;
      send(wire.end(1), frame.data(), static_cast<size_t>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  });
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
      EXPECT_EQ(set_option(fd, LKL_SOL_SOCKET, LKL_SO_BROADCAST, 1), 0);
      lkl_sockaddr_in there = address("10.0.0.255");
      const std::vector<char> packet(1400, 'x');
      while (!stop)
        if (lkl_sys_sendto(fd, packet.data(), packet.size(), LKL_MSG_DONTWAIT, generic(there),
                           sizeof there) < 0)
          usleep(50);
      lkl_sys_close(fd);
    });
  for (int i = 0; i < 15; ++i) {
    const int id = lkl_netdev_add(nd, nullptr);
    ASSERT_GE(id, 0);
    const int index = lkl_netdev_get_ifindex(id);
    ASSERT_GT(index, 1);
    EXPECT_EQ(lkl_if_set_ipv4(index, ipv4("10.0.0.1"), 24), 0);
    EXPECT_EQ(lkl_if_up(index), 0);
    for (const uint64_t before = taken; taken < before + 200;) usleep(100);
    EXPECT_EQ(lkl_netdev_remove(id), 0);
    EXPECT_EQ(lkl_ifname_to_ifindex("eth0"), -LKL_ENODEV);
  }
  stop = true;
  shutdown(wire.end(1), SHUT_RDWR);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  lkl_netdev_free(nd);
}

// ---- packets of all lengths, and those that are nobody's ----

namespace {

class LengthTest : public PairTest, public ::testing::WithParamInterface<unsigned short> {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Mtu, LengthTest, ::testing::Values(576, 1280, 1500, 9000, 65520));

TEST_P(LengthTest, PacketsAreCutAndPutTogether) {
  std::atomic<size_t> longest = 0, fragments = 0;
  mtu_ = GetParam();
  const Watching watching(wire(), [&](int from, Frame frame) {
    if (from != 0) return true;
    longest = std::max<size_t>(longest, frame.size());
    // more fragments, or one that is not the first
    if (ip_protocol(frame) == 17 && ((frame[20] & 0x3f) || frame[21])) ++fragments;
    return true;
  });
  boot();
  const size_t whole = mtu_ - 28u;
  for (const size_t size : {size_t{1}, whole - 1, whole})
    EXPECT_TRUE(echoes_by_udp("10.0.0.2", size)) << size;
  EXPECT_EQ(fragments, 0u);
  EXPECT_EQ(longest, mtu_ + 14u);
  if (mtu_ < 60000) {
    for (const size_t size : {whole + 1, size_t{20000}, size_t{65507}})
      EXPECT_TRUE(echoes_by_udp("10.0.0.2", size)) << size;
    EXPECT_GT(fragments, 65507u / mtu_);
    EXPECT_EQ(longest, mtu_ + 14u);
  }
  talk_by_tcp("10.0.0.2", 2 << 20);
}

TEST_F(TroubleTest, PacketSocketsSeeAndSendFrames) {
  std::mutex mutex;
  std::vector<unsigned char> on_wire;
  const Watching watching(wire(), [&](int from, Frame frame) {
    if (from == 0 && ether_type(frame) == 0x88b5) {
      const std::lock_guard lock(mutex);
      on_wire.assign(frame.begin(), frame.end());
    }
    return true;
  });
  boot([](int side) {
    if (side == 0) return;
    // side 1 sends such frames back as they are
    const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_PACKET, LKL_SOCK_RAW, htons(0x88b5)));
    ASSERT_GE(fd, 0);
    std::thread([fd] {
      char frame[2000];
      for (;;) {
        lkl_sockaddr_ll from = {};
        int length = sizeof from;
        const long count = lkl_sys_recvfrom(fd, frame, sizeof frame, 0, generic(from), &length);
        if (count < 0) break;
        if (from.sll_pkttype == LKL_PACKET_OUTGOING) continue;
        lkl_sys_sendto(fd, frame, static_cast<size_t>(count), 0, generic(from), length);
      }
    }).detach();
  });
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_PACKET, LKL_SOCK_RAW, htons(0x88b5)));
  ASSERT_GE(fd, 0);
  lkl_sockaddr_ll here = {};
  here.sll_family = LKL_AF_PACKET;
  here.sll_protocol = htons(0x88b5);
  here.sll_ifindex = card(0);
  ASSERT_EQ(lkl_sys_bind(fd, generic(here), sizeof here), 0);
  std::vector<char> frame = content(600);
  const unsigned char head[14] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
  std::memcpy(frame.data(), head, sizeof head);
  ASSERT_EQ(lkl_sys_write(fd, frame.data(), frame.size()), 600);
  std::vector<char> back(2000);
  ASSERT_EQ(lkl_sys_read(fd, back.data(), back.size()), 600);
  EXPECT_EQ(std::memcmp(back.data(), frame.data(), frame.size()), 0);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(std::string(on_wire.begin(), on_wire.end()), std::string(frame.begin(), frame.end()));
  lkl_sys_close(fd);
}

TEST_F(TroubleTest, RawSocketsHaveTheirProtocol) {
  std::atomic<int> seen = 0;
  const std::vector<char> data = content(300);
  const Watching watching(wire(), [&](int from, Frame frame) {
    if (from == 0 && ip_protocol(frame) == 253 && frame.size() == 34 + data.size() &&
        std::memcmp(&frame[34], data.data(), data.size()) == 0)
      ++seen;
    return true;
  });
  boot();
  ASSERT_TRUE(ping("10.0.0.2"));
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_RAW, 253));
  ASSERT_GE(fd, 0);
  lkl_sockaddr_in there = address("10.0.0.2", 0);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(lkl_sys_sendto(fd, data.data(), data.size(), 0, generic(there), sizeof there), 300);
  EXPECT_TRUE(echoes_by_udp("10.0.0.2", 10));
  EXPECT_EQ(seen, 5);
  lkl_sys_close(fd);
}
