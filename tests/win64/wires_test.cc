// SPDX-License-Identifier: GPL-2.0
// Wires of Windows without a kernel: what event loops wait for, and frames that are made and looked
// at here.
#include <winsock2.h>

#include <windows.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "host.h"
#include "io/event_loop.h"
#include "io/timer_descriptor.h"
#include "net/open.h"
#include "net/ready_set.h"
#include "net/stream_frames.h"
#include "unit/frames.h"
#include "win32/signal.h"

namespace {

using lkl::host::EventLoop;
using lkl::host::IoVec;
using lkl::host::monotonic_ns;
using lkl::host::NetBackend;
using lkl::host::Signal;
using lkl_test::frame;
using lkl_test::kEveryone;

constexpr uint64_t kSecond = 1'000'000'000;

struct Counter final : lkl::host::ReadyHandler {
  void ready(short events) override {
    ++count;
    last = events;
  }
  int count = 0;
  short last = 0;
};

// Whether it is told that this is ready, within this time.
bool ready(int number, short what = lkl::host::kReadable, uint64_t within_ns = 5 * kSecond) {
  const std::unique_ptr<EventLoop> loop = lkl::host::make_event_loop();
  Counter counter;
  lkl::host::Watch watch = {.fd = number, .events = what, .handler = &counter};
  loop->watch(watch);
  const uint64_t until = monotonic_ns() + within_ns;
  do loop->wait(until);
  while (counter.count == 0 && monotonic_ns() < until);
  loop->cancel(watch);
  return counter.count == 1 && counter.last == what;
}

bool ready_now(int number) {
  return ready(number, lkl::host::kReadable, 0);
}

int send(NetBackend& port, std::vector<char> bytes) {
  // in pieces, as the driver has them
  const std::array<IoVec, 2> parts = {IoVec{.base = bytes.data(), .size = 3},
                                      IoVec{.base = bytes.data() + 3, .size = bytes.size() - 3}};
  return port.send(0, parts);
}

// Empty: there is none. As the event loop does it: what is not ready is not asked.
std::vector<char> receive(NetBackend& port, uint64_t within_ns = 5 * kSecond) {
  std::vector<char> bytes(70000);
  const IoVec part = {.base = bytes.data(), .size = bytes.size()};
  while (ready(port.in(0), lkl::host::kReadable, within_ns)) {
    const int64_t count = port.receive(0, std::span(&part, 1));
    if (count == -EAGAIN) continue;
    bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return bytes;
  }
  return {};
}

// Both know of each other: who came later has said so.
void meet(NetBackend& earlier, NetBackend& later) {
  const auto hello = frame(kEveryone, 9, 64);
  ASSERT_EQ(send(later, hello), 0);
  ASSERT_EQ(receive(earlier), hello);
}

class WiresTest : public ::testing::Test {
 protected:
  int open(const std::string& uri, std::unique_ptr<NetBackend>& made) {
    said_.clear();
    return open_net(
        uri, [this](std::string_view line) { said_ += line; }, made);
  }
  std::unique_ptr<NetBackend> wire(const std::string& uri) {
    std::unique_ptr<NetBackend> made;
    EXPECT_EQ(open(uri, made), 0) << said_;
    return made;
  }
  std::unique_ptr<NetBackend> port(const char* words = "") {
    return wire("switch:unit-" + std::to_string(GetCurrentProcessId()) + words);
  }
  std::string said_;
};

// A socket of this machine that is told its port.
class Listener final {
 public:
  explicit Listener(int type) {
    WSADATA data;
    EXPECT_EQ(WSAStartup(MAKEWORD(2, 2), &data), 0);
    socket_ = ::socket(AF_INET, type, 0);
    sockaddr_in own = {};
    own.sin_family = AF_INET;
    own.sin_addr.S_un.S_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(listen(socket_, 1), 0);
    }
  }
  ~Listener() {
    closesocket(socket_);
    WSACleanup();
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  SOCKET get() const { return socket_; }
  std::string name() const {
    sockaddr_in own = {};
    int size = sizeof own;
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &size), 0);
    return "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
  }

 private:
  SOCKET socket_;
};

std::string read_exactly(SOCKET socket, size_t size) {
  std::string bytes(size, '\0');
  for (size_t done = 0; done < size;) {
    const int count = recv(socket, bytes.data() + done, static_cast<int>(size - done), 0);
    if (count <= 0) return {};
    done += static_cast<size_t>(count);
  }
  return bytes;
}

std::string framed(const std::vector<char>& bytes) {
  const auto length = lkl::host::length_of_frame(bytes.size());
  return std::string(reinterpret_cast<const char*>(length.data()), length.size()) +
         std::string(bytes.begin(), bytes.end());
}

}  // namespace

// ---- what is waited for ----

TEST(SignalTest, ALoopSleepsUntilItIsSet) {
  Signal signal;
  EXPECT_FALSE(ready_now(signal.number()));
  std::thread sets([&] {
    Sleep(50);
    signal.set(true);
  });
  EXPECT_TRUE(ready(signal.number(), lkl::host::kWritable));
  sets.join();
  EXPECT_TRUE(ready_now(signal.number()));
  signal.set(false);
  EXPECT_FALSE(ready_now(signal.number()));
}

TEST(SignalTest, WhatIsNoneFailsAtOnce) {
  const std::unique_ptr<EventLoop> loop = lkl::host::make_event_loop();
  Counter counter;
  lkl::host::Watch watch = {.fd = 3, .events = lkl::host::kReadable, .handler = &counter};
  loop->watch(watch);
  loop->wait(monotonic_ns() + kSecond);
  EXPECT_EQ(counter.count, 1);
  EXPECT_NE(counter.last, lkl::host::kReadable);
}

TEST(SignalTest, ATimerIsReadyFromItsMomentOn) {
  lkl::host::TimerDescriptor timer;
  ASSERT_EQ(timer.open(), 0);
  EXPECT_FALSE(ready_now(timer.descriptor()));
  const uint64_t moment = monotonic_ns() + 30'000'000;
  timer.set(moment);
  EXPECT_TRUE(ready(timer.descriptor()));
  EXPECT_GE(monotonic_ns(), moment);
  EXPECT_TRUE(ready_now(timer.descriptor()));
  timer.set(UINT64_MAX);
  EXPECT_FALSE(ready_now(timer.descriptor()));
}

// Set by another thread while the loop sleeps for longer.
TEST(SignalTest, AnEarlierMomentWakesTheLoop) {
  lkl::host::TimerDescriptor timer;
  ASSERT_EQ(timer.open(), 0);
  timer.set(monotonic_ns() + 3600 * kSecond);
  std::thread sets([&] {
    Sleep(50);
    timer.set(monotonic_ns());
  });
  EXPECT_TRUE(ready(timer.descriptor()));
  sets.join();
}

TEST(SignalTest, ASetIsReadyWhenOneOfItIs) {
  Signal in, out;
  lkl::host::ReadySet set;
  ASSERT_EQ(set.open(in.number(), out.number()), 0);
  out.set(true);
  EXPECT_FALSE(ready_now(set.descriptor()));
  set.want_room(true);
  EXPECT_TRUE(ready_now(set.descriptor()));
  set.want_room(false);
  EXPECT_FALSE(ready_now(set.descriptor()));
  in.set(true);
  EXPECT_TRUE(ready_now(set.descriptor()));
  in.set(false);
  set.set_alarm(monotonic_ns());
  EXPECT_TRUE(ready_now(set.descriptor()));
}

// ---- the switch ----

TEST_F(WiresTest, ASwitchCarriesFramesUncut) {
  const auto a = port(), b = port();
  meet(*a, *b);
  for (const size_t size : {14, 60, 1514, 65535 + 18}) {
    const std::vector<char> bytes = frame(2, 1, size, static_cast<char>(size));
    ASSERT_EQ(send(*a, bytes), 0);
    EXPECT_EQ(receive(*b), bytes) << size;
    const std::vector<char> back = frame(1, 2, size, 'b');
    ASSERT_EQ(send(*b, back), 0);
    EXPECT_EQ(receive(*a), back) << size;
  }
  EXPECT_EQ(receive(*a, 0), std::vector<char>());
}

// To who is known only to it, and what is not known to all.
TEST_F(WiresTest, ASwitchLearnsWhereAddressesAre) {
  const auto a = port(), b = port(), c = port();
  ASSERT_EQ(send(*c, frame(kEveryone, 3, 64)), 0);
  for (NetBackend* each : {a.get(), b.get()}) ASSERT_FALSE(receive(*each).empty());
  meet(*a, *b);
  ASSERT_FALSE(receive(*c).empty());
  const auto flood = frame(kEveryone, 2, 60);
  ASSERT_EQ(send(*b, flood), 0);
  EXPECT_EQ(receive(*a), flood);
  EXPECT_EQ(receive(*c), flood);
  const auto known = frame(2, 1, 60), marker = frame(kEveryone, 1, 61);
  ASSERT_EQ(send(*a, known), 0);
  ASSERT_EQ(send(*a, marker), 0);
  EXPECT_EQ(receive(*b), known);
  EXPECT_EQ(receive(*c), marker);
}

TEST_F(WiresTest, APortOfASwitchGoesAndComesBack) {
  const auto a = port();
  auto b = port();
  ASSERT_EQ(send(*b, frame(1, 2, 60)), 0);
  EXPECT_FALSE(receive(*a).empty());
  b.reset();
  EXPECT_TRUE(receive(*a, kSecond / 2).empty());
  b = port();
  meet(*a, *b);
  ASSERT_EQ(send(*a, frame(2, 1, 70)), 0);
  EXPECT_EQ(receive(*b), frame(2, 1, 70));
}

// Whoever sends is told when there is room; who takes nothing for a second loses what comes.
TEST_F(WiresTest, AStuckPortOfASwitchLosesItsFrames) {
  const auto a = port(), b = port();
  meet(*a, *b);
  int result = 0, count = 0;
  for (; result == 0 && count < 10'000; ++count) result = send(*a, frame(2, 1, 1514));
  ASSERT_EQ(result, -EAGAIN);
  EXPECT_TRUE(ready(a->out(0), lkl::host::kWritable));
  EXPECT_EQ(send(*a, frame(2, 1, 1514)), 0);
  int taken = 0;
  while (!receive(*b, kSecond / 5).empty()) ++taken;
  EXPECT_EQ(taken, count - 1);  // not the lost one
  ASSERT_EQ(send(*a, frame(2, 1, 99)), 0);
  EXPECT_EQ(receive(*b), frame(2, 1, 99));
}

TEST_F(WiresTest, NothingIsLostOnTheWayThroughASwitch) {
  const auto a = port(), b = port();
  meet(*a, *b);
  constexpr int kCount = 3000;
  std::thread sends([&] {
    for (int i = 0; i < kCount; ++i)
      while (send(*a, frame(2, 1, 14 + static_cast<size_t>(i % 1500), static_cast<char>(i))) ==
             -EAGAIN)
        ready(a->out(0), lkl::host::kWritable);
  });
  for (int i = 0; i < kCount; ++i)
    ASSERT_EQ(receive(*b), frame(2, 1, 14 + static_cast<size_t>(i % 1500), static_cast<char>(i)));
  sends.join();
}

TEST_F(WiresTest, ASwitchHasAName) {
  std::unique_ptr<NetBackend> made;
  for (const char* uri : {"switch:", "switch:a/b", "switch:a\\b", "switch:.a"}) {
    EXPECT_EQ(open(uri, made), -EINVAL) << uri;
    EXPECT_NE(said_.find("no name of a switch"), std::string::npos) << said_;
  }
}

TEST_F(WiresTest, FramesOfABadSwitchAreLate) {
  const auto a = port(",delay=100ms"), b = port();
  meet(*a, *b);
  const uint64_t begin = monotonic_ns();
  ASSERT_EQ(send(*a, frame(2, 1, 60)), 0);
  std::thread serves([&] { receive(*a, kSecond / 2); });  // the sender's loop sends what is due
  EXPECT_EQ(receive(*b), frame(2, 1, 60));
  EXPECT_GE(monotonic_ns() - begin, kSecond / 10);
  serves.join();
}

// ---- sockets ----

TEST_F(WiresTest, AStreamHasTheFramingOfOthers) {
  const Listener listener(SOCK_STREAM);
  const auto net = wire("tcp:" + listener.name());
  const SOCKET peer = accept(listener.get(), nullptr, nullptr);
  ASSERT_NE(peer, INVALID_SOCKET);
  const auto out = frame(2, 1, 1000, 'o', 0), in = frame(1, 2, 1400, 'i', 0);
  ASSERT_EQ(send(*net, out), 0);
  EXPECT_EQ(read_exactly(peer, 1004), framed(out));
  // in pieces, and two at once
  const std::string twice = framed(in) + framed(in);
  for (const char& byte : framed(in)) ASSERT_EQ(::send(peer, &byte, 1, 0), 1);
  EXPECT_EQ(receive(*net), in);
  ASSERT_EQ(::send(peer, twice.data(), static_cast<int>(twice.size()), 0),
            static_cast<int>(twice.size()));
  EXPECT_EQ(receive(*net), in);
  EXPECT_EQ(receive(*net), in);
  EXPECT_TRUE(net->has_link());
  closesocket(peer);
  EXPECT_TRUE(receive(*net).empty());
  EXPECT_FALSE(net->has_link());
}

TEST_F(WiresTest, WhatIsNoFrameEndsTheStream) {
  const Listener listener(SOCK_STREAM);
  const auto net = wire("tcp:" + listener.name());
  const SOCKET peer = accept(listener.get(), nullptr, nullptr);
  ASSERT_EQ(::send(peer, "\xff\xff\xff\xff", 4, 0), 4);
  ASSERT_TRUE(ready(net->in(0)));
  std::array<char, 100> bytes;
  const IoVec room = {.base = bytes.data(), .size = bytes.size()};
  int64_t result;
  while ((result = net->receive(0, std::span(&room, 1))) == -EAGAIN) ready(net->in(0));
  EXPECT_EQ(result, -EPROTO);
  // and the other side is told
  char byte;
  EXPECT_LE(recv(peer, &byte, 1, 0), 0);
  closesocket(peer);
}

TEST_F(WiresTest, AStreamIsConnectedAgain) {
  std::string name;
  {
    const Listener listener(SOCK_STREAM);
    name = listener.name();
  }
  const auto server = wire("tcp:" + name + ",server");
  EXPECT_FALSE(server->has_link());
  EXPECT_EQ(send(*server, frame(1, 2, 60, 0, 0)), -ENOTCONN);
  for (int i = 0; i < 2; ++i) {
    const auto client = wire("tcp:" + name + ",reconnect-ms=10");
    const auto out = frame(1, 2, 60, static_cast<char>(i), 0);
    while (send(*client, out) == -ENOTCONN) receive(*client, kSecond / 50);
    EXPECT_EQ(receive(*server), out);
    EXPECT_TRUE(server->has_link());
    ASSERT_EQ(send(*server, out), 0);
    EXPECT_EQ(receive(*client), out);
  }
  for (int tries = 0; server->has_link() && tries < 100; ++tries) receive(*server, kSecond / 50);
  EXPECT_FALSE(server->has_link());
}

TEST_F(WiresTest, NobodyThereIsSaid) {
  std::string name;
  {
    const Listener listener(SOCK_STREAM);
    name = listener.name();
  }
  std::unique_ptr<NetBackend> made;
  EXPECT_EQ(open("tcp:" + name, made), -ECONNREFUSED);
  EXPECT_NE(said_.find("can't connect to"), std::string::npos) << said_;
  EXPECT_EQ(open("tcp:nothing", made), -EINVAL);
  EXPECT_EQ(open("unix:C:\\a,type=dgram,local=C:\\b", made), -EPROTONOSUPPORT);
  EXPECT_EQ(open("raw:eth0", made), -EPROTONOSUPPORT);
}

TEST_F(WiresTest, DatagramsAreFrames) {
  const Listener peer(SOCK_DGRAM), place(SOCK_DGRAM);
  const std::string own = place.name().replace(place.name().find(':'), 1, ":");
  closesocket(place.get());
  const auto net = wire("udp:" + peer.name() + ",local=" + own);
  const auto out = frame(2, 1, 1514, 'o', 0), in = frame(1, 2, 60, 'i', 0);
  ASSERT_EQ(send(*net, out), 0);
  std::string bytes(2000, '\0');
  sockaddr_in from = {};
  int size = sizeof from;
  ASSERT_EQ(recvfrom(peer.get(), bytes.data(), static_cast<int>(bytes.size()), 0,
                     reinterpret_cast<sockaddr*>(&from), &size),
            1514);
  EXPECT_EQ(bytes.substr(0, 1514), std::string(out.begin(), out.end()));
  EXPECT_EQ("127.0.0.1:" + std::to_string(ntohs(from.sin_port)), own);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(sendto(peer.get(), in.data(), static_cast<int>(in.size()), 0,
                     reinterpret_cast<sockaddr*>(&from), size),
              60);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive(*net), in);
}

// Before somebody is there the host may say so, more than once.
TEST_F(WiresTest, DatagramsToNobodyAreLost) {
  std::string own, theirs;
  {
    const Listener one(SOCK_DGRAM), other(SOCK_DGRAM);
    own = one.name();
    theirs = other.name();
  }
  const auto net = wire("udp:" + theirs + ",local=" + own);
  const auto out = frame(2, 1, 60, 'o', 0), in = frame(1, 2, 70, 'i', 0);
  for (int i = 0; i < 5; ++i) {
    send(*net, out);
    EXPECT_TRUE(receive(*net, kSecond / 100).empty());
  }
  const auto peer = wire("udp:" + own + ",local=" + theirs);
  ASSERT_EQ(send(*net, out), 0);
  EXPECT_EQ(receive(*peer), out);
  ASSERT_EQ(send(*peer, in), 0);
  EXPECT_EQ(receive(*net), in);
}

// Where Windows has these sockets: wine of Debian 12 has not.
TEST_F(WiresTest, AStreamByAPath) {
  WSADATA data;
  ASSERT_EQ(WSAStartup(MAKEWORD(2, 2), &data), 0);
  const SOCKET probe = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (probe == INVALID_SOCKET) {
    std::unique_ptr<NetBackend> made;
    EXPECT_EQ(open("unix:C:\\lkl-socket,server", made), -EAFNOSUPPORT) << said_;
    GTEST_SKIP() << "this host has no sockets with paths";
  }
  closesocket(probe);
  char folder[MAX_PATH] = {};
  ASSERT_GT(GetTempPathA(MAX_PATH, folder), 0u);
  const std::string path =
      std::string(folder) + "lkl-" + std::to_string(GetCurrentProcessId()) + ".socket";
  const auto server = wire("unix:" + path + ",server");
  const auto client = wire("unix:" + path);
  ASSERT_EQ(send(*client, frame(1, 2, 60, 'c', 0)), 0);
  EXPECT_EQ(receive(*server), frame(1, 2, 60, 'c', 0));
}
