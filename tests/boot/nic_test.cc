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

#include "support/child.h"
#include "support/kernel_test.h"

using lkl_test::in_child;
using lkl_test::kernel_has_ip;
using lkl_test::KernelTest;

namespace {

constexpr unsigned short kPort = 5001;

std::string fd_uri(int fd, const char* words = "") {
  return "fd:" + std::to_string(fd) + words;
}

// A wire with two ends, of which each frame comes out as it was.
class Wire final {
 public:
  explicit Wire(int type = SOCK_SEQPACKET) {
    EXPECT_EQ(socketpair(AF_UNIX, type, 0, ends_.data()), 0);
    for (const int end : ends_) {
      const int room = 4 << 20;
      setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
      setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    }
  }
  ~Wire() {
    for (const int end : ends_) close(end);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  int end(int which) const { return ends_[static_cast<size_t>(which)]; }

 private:
  std::array<int, 2> ends_;
};

lkl_sockaddr_in address(const char* text, unsigned short port = kPort) {
  lkl_sockaddr_in to = {};
  to.sin_family = LKL_AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.lkl_s_addr = inet_addr(text);
  return to;
}

template <class Address>
lkl_sockaddr* generic(Address& address) {
  return reinterpret_cast<lkl_sockaddr*>(&address);
}

// A card on the wire of this URI, up, with this address. The error, or 0.
int connect_card(const char* uri, const char* own, unsigned short mtu, lkl_netdev*& nd) {
  lkl_netdev_options options = {};
  options.struct_size = sizeof options;
  options.mtu = mtu;
  if (const int error = lkl_netdev_open(uri, &options, &nd)) return error;
  const int id = lkl_netdev_add(nd, nullptr);
  if (id < 0) return id;
  const int index = lkl_netdev_get_ifindex(id);
  if (index < 0) return index;
  if (const int error = lkl_if_set_ipv4(index, inet_addr(own), 24)) return error;
  return lkl_if_up(index);
}

uint64_t add_to_sum(uint64_t sum, const char* data, size_t size) {
  for (size_t i = 0; i < size; ++i)
    sum = (sum ^ static_cast<unsigned char>(data[i])) * 1099511628211u;
  return sum;
}

std::vector<char> content(size_t size) {
  std::vector<char> data(size);
  uint64_t state = 88172645463325252u;
  for (char& byte : data) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    byte = static_cast<char>(state >> 32);
  }
  return data;
}

// What both sides of a conversation do, by the library's calls or the host's.
struct Calls {
  std::function<long(int, char*, size_t)> read;
  std::function<long(int, const char*, size_t)> write;
};
const Calls kOurs = {
    .read = [](int fd, char* to, size_t size) { return lkl_sys_read(fd, to, size); },
    .write = [](int fd, const char* from, size_t size) { return lkl_sys_write(fd, from, size); }};
const Calls kHosts = {
    .read = [](int fd, char* to, size_t size) -> long { return ::read(fd, to, size); },
    .write = [](int fd, const char* from, size_t size) -> long { return ::write(fd, from, size); }};

// Everything back, until the other side has no more. Whether it was so.
bool echo(const Calls& calls, int fd) {
  std::vector<char> buffer(60000);
  for (;;) {
    const long count = calls.read(fd, buffer.data(), buffer.size());
    if (count == 0) return true;
    if (count < 0) return false;
    for (long done = 0; done < count;) {
      const long put = calls.write(fd, buffer.data() + done, static_cast<size_t>(count - done));
      if (put <= 0) return false;
      done += put;
    }
  }
}

// Sends so much and wants it back, as it was.
void talk(const Calls& calls, int fd, size_t size, const std::function<void()>& no_more) {
  const std::vector<char> data = content(size);
  std::thread sends([&] {
    for (size_t done = 0; done < size;) {
      const long put = calls.write(fd, data.data() + done, std::min<size_t>(size - done, 50000));
      ASSERT_GT(put, 0);
      done += static_cast<size_t>(put);
    }
    no_more();
  });
  uint64_t sum = 0;
  size_t got = 0;
  std::vector<char> buffer(70000);
  for (long count; (count = calls.read(fd, buffer.data(), buffer.size())) > 0;) {
    sum = add_to_sum(sum, buffer.data(), static_cast<size_t>(count));
    got += static_cast<size_t>(count);
  }
  sends.join();
  EXPECT_EQ(got, size);
  EXPECT_EQ(sum, add_to_sum(0, data.data(), size));
}

void talk_by_tcp(const char* to, size_t size) {
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  lkl_sockaddr_in there = address(to);
  long result;
  while ((result = lkl_sys_connect(fd, generic(there), sizeof there)) == -LKL_ECONNREFUSED)
    usleep(10'000);
  ASSERT_EQ(result, 0);
  talk(kOurs, fd, size, [&] { EXPECT_EQ(lkl_sys_shutdown(fd, LKL_SHUT_WR), 0); });
  EXPECT_EQ(lkl_sys_close(fd), 0);
}

// A kernel in a child, made there: it has a card on this end of the wire, and sends back what comes
// by TCP (one connection) and by UDP meanwhile.
pid_t start_peer(const std::string& uri, const char* own, unsigned short mtu) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(100);
  static lkl_host_operations silent = {};
  silent.print = lkl_test::keep_log;
  lkl_netdev* nd = nullptr;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) _exit(1);
  if (connect_card(uri.c_str(), own, mtu, nd)) _exit(2);
  lkl_sockaddr_in here = address("0.0.0.0");
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  const int tcp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  if (lkl_sys_bind(udp, generic(here), sizeof here)) _exit(3);
  if (lkl_sys_bind(tcp, generic(here), sizeof here) || lkl_sys_listen(tcp, 1)) _exit(4);
  std::thread([udp] {
    std::vector<char> packet(65536);
    for (;;) {
      lkl_sockaddr_in from = {};
      int length = sizeof from;
      const long count =
          lkl_sys_recvfrom(udp, packet.data(), packet.size(), 0, generic(from), &length);
      if (count < 0) break;
      lkl_sys_sendto(udp, packet.data(), static_cast<size_t>(count), 0, generic(from), length);
    }
  }).detach();
  const int fd = static_cast<int>(lkl_sys_accept(tcp, nullptr, nullptr));
  const bool good = fd >= 0 && echo(kOurs, fd);
  lkl_sys_close(fd);
  // what is in flight arrives before the wire is gone
  __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 300'000'000};
  lkl_sys_nanosleep(&moment, nullptr);
  _exit(good && lkl_test::complaint_in_log().empty() ? 0 : 5);
}

int end_of(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

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

class NicTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (!kernel_has_ip()) GTEST_SKIP() << "the kernel has no network";
  }
  // The carrier of the first Ethernet card: '1' or '0', or '-' for what is not there or down.
  static char carrier() {
    const std::string text = lkl_test::read_kernel_file("/sysfs/class/net/eth0/carrier");
    return text.empty() ? '-' : text[0];
  }
};

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
  static lkl_host_operations silent = {};
  silent.print = lkl_test::keep_log;
  lkl_test::kernel_log().clear();
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=4"), 0);
  if (!kernel_has_ip()) {
    kill(peer, SIGKILL);
    end_of(peer);
    lkl_cleanup();
    GTEST_SKIP() << "the kernel has no network";
  }
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
  EXPECT_EQ(lkl_test::complaint_in_log(), "");
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
  const unsigned char mac[6] = {2, 0, 0, 0, 0, 2};
  const lkl_sockaddr_in neighbor = address("10.0.0.2");
  ASSERT_EQ(lkl_add_neighbor(lkl_ifname_to_ifindex("eth0"), LKL_AF_INET, &neighbor.sin_addr, mac),
            0);
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
  EXPECT_EQ(lkl_netdev_open(nullptr, nullptr, &nd), -LKL_EINVAL);
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

// In a network of this process's own, which needs no rights where user name spaces are.
bool enter_own_network() {
  return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

bool host_up(const char* name, const char* own) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request = {};
  std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  auto* in = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
  in->sin_family = AF_INET;
  in->sin_addr.s_addr = inet_addr(own);
  bool good = ioctl(fd, SIOCSIFADDR, &request) == 0;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  good = good && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  close(fd);
  return good;
}

int talk_to_host() {
  constexpr int kNotHere = 77;
  if (!enter_own_network()) return kNotHere;
  static lkl_host_operations silent = {};
  silent.print = lkl_test::keep_log;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  if (!kernel_has_ip()) return kNotHere;
  lkl_netdev* nd = nullptr;
  const int error = connect_card("tap:lkltap0", "10.9.0.2", 0, nd);
  if (error == -LKL_ENODEV || error == -LKL_EPERM || error == -LKL_EACCES) return kNotHere;
  if (error) return 2;
  lkl_netdev* second = nullptr;
  if (lkl_netdev_open("tap:lkltap0", nullptr, &second) != -LKL_EBUSY) return 3;
  if (!host_up("lkltap0", "10.9.0.1")) return 4;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in here = {};
  here.sin_family = AF_INET;
  here.sin_port = htons(kPort);
  if (bind(listener, reinterpret_cast<sockaddr*>(&here), sizeof here) || listen(listener, 1))
    return 5;
  std::thread host([&] {
    const int fd = accept(listener, nullptr, nullptr);
    EXPECT_TRUE(echo(kHosts, fd));
    close(fd);
  });
  talk_by_tcp("10.9.0.1", 32 << 20);
  host.join();
  if (lkl_sys_halt()) return 6;
  lkl_cleanup();
  lkl_netdev_free(nd);
  return ::testing::Test::HasFailure() || !lkl_test::complaint_in_log().empty() ? 7 : 0;
}

}  // namespace

TEST(Nic, TalksToTheHostByTap) {
  const int result = in_child(talk_to_host);
  if (result == 77) GTEST_SKIP() << "needs a network name space and /dev/net/tun";
  EXPECT_EQ(result, 0);
}
