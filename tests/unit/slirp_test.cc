// SPDX-License-Identifier: GPL-2.0
// A wire of slirp's, without a kernel: its words, what it does when nobody takes its frames, and
// what it does to who calls it.
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/frame_queue.h"
#include "net/open.h"
#include "posix/slirp_library.h"

namespace {

using lkl::host::FrameQueue;
using lkl::host::IoVec;
using lkl::host::NetBackend;
using lkl::host::SlirpUse;

class SlirpWireTest : public ::testing::Test {
 protected:
  int open(std::string_view uri) {
    said_.clear();
    return open_net(
        uri, [this](std::string_view line) { said_ += line; }, wire_);
  }
  void open_with(const std::string& words) {
    ASSERT_EQ(open("slirp:" + words), 0) << said_;
    // as the device does it
    in_ = wire_->in(0);
    out_ = wire_->out(0);
  }

  int send(std::vector<unsigned char> frame) {
    const IoVec whole = {.base = frame.data(), .size = frame.size()};
    return wire_->send(0, std::span(&whole, 1));
  }
  std::vector<unsigned char> receive() {
    std::vector<unsigned char> frame(70000);
    const IoVec room = {.base = frame.data(), .size = frame.size()};
    const int64_t size = wire_->receive(0, std::span(&room, 1));
    EXPECT_TRUE(size > 0 || size == -EAGAIN) << size;
    frame.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return frame;
  }

  static bool ready(int fd, short events, int timeout_ms = 0) {
    pollfd wait = {.fd = fd, .events = events, .revents = 0};
    return poll(&wait, 1, timeout_ms) == 1;
  }

  std::string said_;
  std::unique_ptr<NetBackend> wire_;
  int in_ = -1, out_ = -1;
};

// "Who has 10.0.2.2?"
std::vector<unsigned char> question() {
  std::vector<unsigned char> frame = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  1, 8, 6,
                                      0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,  0, 0, 1,
                                      10,   0,    2,    15,   0,    0,    0, 0, 0, 0, 10, 0, 2, 2};
  frame.resize(60);
  return frame;
}

bool is_answer(const std::vector<unsigned char>& frame) {
  return frame.size() >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 2 && frame[31] == 2;
}

}  // namespace

TEST_F(SlirpWireTest, WordsThatAreWrongAreSaid) {
  const struct {
    const char* uri;
    const char* said;
  } all[] = {
      {"slirp:x",
       "slirp: \"x\": slirp is the only one of its kind; words follow a comma, "
       "\"slirp:,mtu=9000\""},
      {"slirp:,hostfw=tcp::80-:80", "slirp: \"hostfw\" is not known; did you mean \"hostfwd\"?"},
      {"slirp:,smb=/tmp", "slirp: \"smb\" is not known"},
      {"slirp:,mtu=65521", "slirp: mtu=65521 is not a number from 68 to 65520"},
      {"slirp:,mtu=576", "slirp: IPv6 wants an MTU of 1280: add ipv6=off"},
      {"slirp:,net=10.0.2.0/33", "slirp: net=10.0.2.0/33 is not ADDRESS/BITS, of 8 to 29 bits"},
      {"slirp:,net=10.0.2.1/24", "slirp: net=10.0.2.1/24 has more of an address than of a network"},
      {"slirp:,net=fec0::/64", "slirp: net=fec0::/64 is not ADDRESS/BITS, of 8 to 29 bits"},
      {"slirp:,host=10.0.3.2", "slirp: host=10.0.3.2 is not in the network 10.0.2.0: see net="},
      {"slirp:,dns=10.0.2.2", "slirp: host=, dns= and dhcpstart= are to be different addresses"},
      {"slirp:,dns=name", "slirp: dns=name is no IPv4 address"},
      {"slirp:,ipv4=maybe", "slirp: ipv4=maybe is neither on nor off"},
      {"slirp:,ipv4=off,ipv6=off", "slirp: ipv4=off and ipv6=off leave nothing"},
      {"slirp:,ipv6-net=fd00::/130",
       "slirp: ipv6-net=fd00::/130 is not PREFIX/BITS, of 8 to 126 bits"},
      {"slirp:,ipv6-host=fec1::2", "slirp: ipv6-host=fec1::2 is not in the network of ipv6-net="},
      {"slirp:,outbound-addr=127.0.0.1,outbound-addr=127.0.0.2",
       "slirp: outbound-addr=127.0.0.2 is no address, or the second one"},
      {"slirp:,guestfwd=tcp:10.0.2.100:80-127.0.0.1",
       "slirp: guestfwd=tcp:10.0.2.100:80-127.0.0.1 is not [tcp:]SERVER:PORT-cmd:COMMAND or "
       "-unix:PATH"},
      {"slirp:,guestfwd=tcp:10.0.3.1:80-cmd:cat",
       "slirp: guestfwd: port 80 is of an address that is not in the network, is host= or dns=, or "
       "has it already"},
  };
  for (const auto& each : all) {
    EXPECT_EQ(open(each.uri), -EINVAL) << each.uri;
    EXPECT_EQ(said_, each.said);
  }
  for (const char* value : {"tcp::0-:80", "tcp::80", "tcp::80-", "sctp::80-:80", "tcp:a:80-:80",
                            "tcp::80-:65536", "tcp:::1:80-:80", "tcp:[::1:80-:80", "udp::80-:-1"}) {
    EXPECT_EQ(open("slirp:,hostfwd=" + std::string(value)), -EINVAL) << value;
    EXPECT_EQ(said_, "slirp: hostfwd=" + std::string(value) +
                         " is not [tcp:|udp:][HOSTADDRESS]:PORT-[GUESTADDRESS]:PORT, with "
                         "addresses of IPv6 in brackets");
  }
  EXPECT_EQ(wire_, nullptr);
}

TEST_F(SlirpWireTest, WordsThatAreRight) {
  for (const char* words :
       {"", ",restrict", ",restrict=on", ",restrict=off", ",mtu=68,ipv6=off", ",mtu=65520",
        ",net=192.168.7.0/255.255.255.0,host=192.168.7.1,dns=192.168.7.2,dhcpstart=192.168.7.9",
        ",net=10.9.8.0/29", ",ipv4=off",
        ",ipv6-net=fd00:1::/64,ipv6-host=fd00:1::1,ipv6-dns=fd00:1::2",
        ",ipv6-prefix=fd00:2::,ipv6-prefixlen=64",
        ",hostname=h,domainname=d.org,dnssearch=a,dnssearch=b.c",
        ",tftp=/nowhere,tftp-server-name=t,bootfile=b",
        ",outbound-addr=127.0.0.1,outbound-addr=::1",
        ",guestfwd=tcp:10.0.2.9:7-cmd:cat -u,guestfwd=10.0.2.9:8-unix:/x,,y"})
    EXPECT_EQ(open("slirp:" + std::string(words)), 0) << said_;
  // who names nothing has this one
  EXPECT_EQ(open(""), 0);
  EXPECT_EQ(wire_->mtu(), 1500);
}

TEST_F(SlirpWireTest, HostPortsHaveQemusForms) {
  const auto connects = [](unsigned short port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in there = {};
    there.sin_family = AF_INET;
    there.sin_port = htons(port);
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool good = connect(fd, reinterpret_cast<sockaddr*>(&there), sizeof there) == 0;
    close(fd);
    return good;
  };
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in own = {};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
  socklen_t size = sizeof own;
  getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  close(fd);
  const unsigned short port = ntohs(own.sin_port);
  const std::string number = std::to_string(port);
  for (const std::string& value :
       {"tcp::" + number + "-:80", "tcp:" + number + "-:80", "::" + number + "-:80",
        ":" + number + "-10.0.2.15:80", number + "-:80", "tcp:127.0.0.1:" + number + "-:80"}) {
    ASSERT_EQ(open("slirp:,hostfwd=" + value), 0) << said_;
    EXPECT_TRUE(connects(port)) << value;
    wire_.reset();
    EXPECT_FALSE(connects(port)) << value;
  }
}

TEST_F(SlirpWireTest, AnswersWhatIsAsked) {
  open_with("");
  EXPECT_TRUE(ready(out_, POLLOUT));
  EXPECT_EQ(send(question()), 0);
  ASSERT_TRUE(ready(in_, POLLIN));
  EXPECT_TRUE(is_answer(receive()));
  // then nothing is left, and nobody is woken
  while (!receive().empty()) continue;
  EXPECT_FALSE(ready(in_, POLLIN));
  // the same in pieces
  std::vector<unsigned char> frame = question();
  const IoVec pieces[] = {{.base = &frame[0], .size = 14}, {.base = &frame[14], .size = 46}};
  EXPECT_EQ(wire_->send(0, pieces), 0);
  EXPECT_TRUE(is_answer(receive()));
  // what is too long is lost, and nothing else
  EXPECT_EQ(send(std::vector<unsigned char>(70000)), -EMSGSIZE);
  EXPECT_EQ(send({1, 2, 3}), 0);
}

// Nobody takes what it has: who sends has to wait, and nothing is lost.
TEST_F(SlirpWireTest, AFullOneHoldsUpWhoSends) {
  open_with("");
  size_t sent = 0;
  int result;
  while ((result = send(question())) == 0 && sent < 1'000'000) ++sent;
  EXPECT_EQ(result, -EAGAIN);
  EXPECT_FALSE(ready(out_, POLLOUT));
  EXPECT_TRUE(ready(in_, POLLIN));
  size_t got = 0;
  for (std::vector<unsigned char> frame; !(frame = receive()).empty(); got += is_answer(frame)) {
  }
  EXPECT_EQ(got, sent);
  EXPECT_TRUE(ready(out_, POLLOUT));
  EXPECT_EQ(send(question()), 0);
}

// The errno of the thread, and its other properties, are not ours; nor is its stack, of which there
// may be little.
TEST_F(SlirpWireTest, WhoCallsNoticesNothing) {
  open_with("");
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, std::max<size_t>(PTHREAD_STACK_MIN, 24 << 10));
  pthread_t thread;
  const auto work = [](void* argument) -> void* {
    NetBackend& wire = *static_cast<NetBackend*>(argument);
    pthread_cancel(pthread_self());  // the first cancellation point would be the last of it
    unsigned char frame[60];
    static const std::vector<unsigned char> asked = question();
    std::memcpy(frame, asked.data(), sizeof frame);
    const IoVec whole = {.base = frame, .size = sizeof frame};
    errno = 4711;
    const int sent = wire.send(0, std::span(&whole, 1));
    static std::array<unsigned char, 2000> room;
    const IoVec in = {.base = room.data(), .size = room.size()};
    const int64_t got = wire.receive(0, std::span(&in, 1));
    const bool kept = errno == 4711;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    EXPECT_EQ(sent, 0);
    EXPECT_GT(got, 0);
    EXPECT_TRUE(kept);
    return argument;
  };
  ASSERT_EQ(pthread_create(&thread, &small, work, wire_.get()), 0);
  void* end = nullptr;
  pthread_join(thread, &end);
  EXPECT_EQ(end, wire_.get());
  pthread_attr_destroy(&small);
}

// A broken pipe in there ends nobody, and is nothing that somebody hears of later.
TEST(SlirpUse, SigpipeIsNoOnes) {
  signal(SIGPIPE, SIG_DFL);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  close(pipe_ends[0]);
  const auto break_it = [&] {
    const SlirpUse use;
    ASSERT_EQ(use.prepare(), 0);
    use.run([&] { EXPECT_EQ(write(pipe_ends[1], "", 1), -1); });
  };
  break_it();
  sigset_t set;
  sigpending(&set);
  EXPECT_FALSE(sigismember(&set, SIGPIPE));
  // one that waits for the program goes on waiting
  sigset_t pipes, before;
  sigemptyset(&pipes);
  sigaddset(&pipes, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipes, &before);
  break_it();
  sigpending(&set);
  EXPECT_FALSE(sigismember(&set, SIGPIPE));
  raise(SIGPIPE);
  break_it();
  sigpending(&set);
  EXPECT_TRUE(sigismember(&set, SIGPIPE));
  const timespec now = {};
  EXPECT_EQ(sigtimedwait(&pipes, nullptr, &now), SIGPIPE);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(pipe_ends[1]);
}

TEST(FrameQueue, GivesFramesAsTheyWere) {
  FrameQueue queue(10000);
  std::deque<std::vector<std::byte>> model;
  std::mt19937 random(1);
  unsigned refused = 0, wrong = 0;
  size_t most = 0;
  for (int i = 0; i < 200'000; ++i) {
    if (random() % 100 < (i / 1000 % 2 ? 60 : 40)) {
      std::vector<std::byte> frame(random() % (random() % 10 ? 300 : 4000));
      for (std::byte& byte : frame) byte = static_cast<std::byte>(random());
      if (queue.push(frame))
        model.push_back(std::move(frame));
      else
        ++refused;
      most = std::max(most, queue.bytes());
    } else if (!queue.empty()) {
      std::vector<std::byte> frame(4096);
      const IoVec room[] = {{.base = &frame[0], .size = 100}, {.base = &frame[100], .size = 3996}};
      const size_t size = queue.pop(room);
      frame.resize(size);
      wrong += frame != model.front();
      model.pop_front();
    }
    ASSERT_EQ(queue.empty(), model.empty());
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(refused, 0u);
  EXPECT_GT(most, 8000u);
  EXPECT_LE(most, 10000u);
}
