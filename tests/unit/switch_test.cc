// SPDX-License-Identifier: GPL-2.0
// Ports of a switch, without a kernel: frames are made and looked at here.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/frame_ring.h"
#include "net/mac_table.h"
#include "net/open.h"
#include "support/host_tools.h"
#include "unit/frames.h"

namespace {

using lkl::host::FrameRing;
using lkl::host::IoVec;
using lkl::host::MacTable;
using lkl::host::NetBackend;
using lkl::host::RingReader;
using lkl::host::RingWriter;
using lkl_test::frame;
using lkl_test::kEveryone;

constexpr size_t kHeader = NetBackend::kHeaderSize;

int send(NetBackend& port, std::vector<char> bytes) {
  // in pieces, as the driver has them
  const std::array<IoVec, 2> parts = {
      IoVec{.base = bytes.data(), .size = kHeader + 3},
      IoVec{.base = bytes.data() + kHeader + 3, .size = bytes.size() - kHeader - 3}};
  return port.send(0, parts);
}

bool ready(int fd, short what, int ms) {
  pollfd wait = {.fd = fd, .events = what, .revents = 0};
  return poll(&wait, 1, ms) == 1;
}

// Empty: there is none. As the event loop does it: what is not ready is not asked.
std::vector<char> receive(NetBackend& port, size_t room = 70000, int ms = 3000) {
  std::vector<char> bytes(room);
  const IoVec part = {.base = bytes.data(), .size = bytes.size()};
  while (ready(port.in(0), POLLIN, ms)) {
    const int64_t count = port.receive(0, std::span(&part, 1));
    if (count == -EAGAIN) continue;
    bytes.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return bytes;
  }
  return {};
}

// Says hello to each other until all are known.
void turn(NetBackend& port) {
  while (!receive(port, 70000, 0).empty()) continue;
}

class SwitchTest : public ::testing::Test {
 protected:
  void SetUp() override { setenv("XDG_RUNTIME_DIR", folder_.path().c_str(), 1); }

  std::unique_ptr<NetBackend> port(const std::string& words = "switch:lab") {
    std::unique_ptr<NetBackend> made;
    EXPECT_EQ(open_net(
                  words, [this](std::string_view line) { said_ += line; }, made),
              0)
        << said_;
    return made;
  }
  std::string path(const char* end = "") { return folder_ / "lkl-switch/lab" + end; }

  const lkl_test::TempDir folder_;
  std::string said_;
};

}  // namespace

TEST_F(SwitchTest, CarriesFramesUncut) {
  const auto a = port(), b = port();
  turn(*a);
  for (const size_t size : {14, 60, 1514, 65535 + 18}) {
    const std::vector<char> bytes = frame(2, 1, size, static_cast<char>(size));
    ASSERT_EQ(send(*a, bytes), 0);
    EXPECT_EQ(receive(*b), bytes) << size;
    const std::vector<char> back = frame(1, 2, size, 'b');
    ASSERT_EQ(send(*b, back), 0);
    EXPECT_EQ(receive(*a), back) << size;
  }
  EXPECT_EQ(receive(*a, 70000, 0), std::vector<char>());
}

// To who is known only to it, and what is not known to all.
TEST_F(SwitchTest, LearnsWhereAddressesAre) {
  const auto a = port(), b = port(), c = port();
  for (NetBackend* each : {a.get(), b.get(), c.get()}) turn(*each);
  ASSERT_EQ(send(*b, frame(kEveryone, 2, 60)), 0);
  EXPECT_FALSE(receive(*a).empty());
  EXPECT_FALSE(receive(*c).empty());
  ASSERT_EQ(send(*a, frame(2, 1, 60)), 0);
  EXPECT_FALSE(receive(*b).empty());
  EXPECT_TRUE(receive(*c, 70000, 50).empty());
  ASSERT_EQ(send(*a, frame(3, 1, 60)), 0);  // nobody has heard of it
  EXPECT_FALSE(receive(*b).empty());
  EXPECT_FALSE(receive(*c).empty());
  // the address has moved
  ASSERT_EQ(send(*c, frame(kEveryone, 2, 60)), 0);
  EXPECT_FALSE(receive(*a).empty());
  EXPECT_FALSE(receive(*b).empty());
  ASSERT_EQ(send(*a, frame(2, 1, 60)), 0);
  EXPECT_FALSE(receive(*c).empty());
  EXPECT_TRUE(receive(*b, 70000, 50).empty());
}

TEST_F(SwitchTest, APortGoesAndComesBack) {
  const auto a = port();
  auto b = port();
  const auto c = port();
  for (NetBackend* each : {a.get(), b.get(), c.get()}) turn(*each);
  ASSERT_EQ(send(*b, frame(kEveryone, 2, 60)), 0);
  EXPECT_FALSE(receive(*a).empty());
  EXPECT_FALSE(receive(*c).empty());
  // what it has sent before its end arrives
  ASSERT_EQ(send(*b, frame(1, 2, 60, 'l')), 0);
  b.reset();
  EXPECT_EQ(receive(*a), frame(1, 2, 60, 'l'));
  turn(*a);
  // now nobody knows where it is
  ASSERT_EQ(send(*a, frame(2, 1, 60)), 0);
  EXPECT_FALSE(receive(*c).empty());
  b = port();
  turn(*a);
  ASSERT_EQ(send(*a, frame(2, 1, 60)), 0);
  EXPECT_FALSE(receive(*b).empty());
}

TEST_F(SwitchTest, NothingIsLostOnTheWayToOne) {
  const auto a = port(), b = port();
  turn(*a);
  constexpr int kFrames = 3000;
  const auto sized = [](int i) {
    return frame(2, 1, 60 + static_cast<size_t>(i * 7919 % 65000), static_cast<char>(i));
  };
  std::thread sends([&] {
    for (int i = 0; i < kFrames; ++i)
      while (send(*a, sized(i)) == -EAGAIN) {
        EXPECT_TRUE(ready(a->out(0), POLLOUT, 5000));
        turn(*a);
      }
  });
  for (int i = 0; i < kFrames; ++i) ASSERT_EQ(receive(*b), sized(i)) << i;
  sends.join();
}

// Until the sender has the other's bell it rings by their connection, which is looked at in
// between.
TEST_F(SwitchTest, ARingByTheConnectionIsNotForgottenInBetween) {
  const auto a = port(), b = port();
  turn(*a);
  turn(*b);
  constexpr int kFrames = 600;
  for (int i = 0; i < kFrames; ++i) ASSERT_EQ(send(*a, frame(2, 1, 60, static_cast<char>(i))), 0);
  for (int i = 0; i < kFrames; ++i)
    ASSERT_EQ(receive(*b), frame(2, 1, 60, static_cast<char>(i))) << i;
}

// Who takes nothing holds up others for a moment only; when it takes again all is well.
TEST_F(SwitchTest, AStuckPortLosesItsFrames) {
  const auto a = port(), b = port(), c = port();
  for (NetBackend* each : {a.get(), b.get(), c.get()}) turn(*each);
  for (const auto& [from, number] : {std::pair(b.get(), 2), std::pair(c.get(), 3)})
    ASSERT_EQ(send(*from, frame(kEveryone, number, 60)), 0);
  turn(*a), turn(*b), turn(*c);
  int sent = 0;
  while (send(*a, frame(2, 1, 60000, 'x')) == 0) ++sent;
  EXPECT_GE(sent, 8);
  EXPECT_FALSE(ready(a->out(0), POLLOUT, 0));
  // the switch looks at its clock when it is ready
  EXPECT_TRUE(ready(a->in(0), POLLIN, 5000));
  turn(*a);
  EXPECT_TRUE(ready(a->out(0), POLLOUT, 0));
  EXPECT_EQ(send(*a, frame(2, 1, 60000)), 0);
  EXPECT_EQ(send(*a, frame(3, 1, 60)), 0);
  EXPECT_FALSE(receive(*c).empty());
  for (int i = 0; i < sent; ++i) EXPECT_EQ(receive(*b), frame(2, 1, 60000, 'x'));
  EXPECT_TRUE(receive(*b, 70000, 50).empty());
  EXPECT_EQ(send(*a, frame(2, 1, 60, 'y')), 0);
  EXPECT_EQ(receive(*b), frame(2, 1, 60, 'y'));
}

// Who waits for one that ends goes on.
TEST_F(SwitchTest, TheEndOfAFullPortLetsOthersGoOn) {
  const auto a = port();
  auto b = port();
  turn(*a);
  while (send(*a, frame(2, 1, 60000)) == 0) continue;
  EXPECT_FALSE(ready(a->out(0), POLLOUT, 0));
  b.reset();
  EXPECT_TRUE(ready(a->in(0), POLLIN, 3000));
  turn(*a);
  EXPECT_TRUE(ready(a->out(0), POLLOUT, 0));
  EXPECT_EQ(send(*a, frame(2, 1, 60000)), 0);
}

// Who is full does not get it; the others do.
TEST_F(SwitchTest, AFloodWaitsForNobody) {
  const auto a = port(), b = port(), c = port();
  for (NetBackend* each : {a.get(), b.get(), c.get()}) turn(*each);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(send(*a, frame(kEveryone, 1, 60000, static_cast<char>(i))), 0);
    EXPECT_EQ(receive(*c), frame(kEveryone, 1, 60000, static_cast<char>(i)));
  }
  int got = 0;
  while (!receive(*b, 70000, 0).empty()) ++got;
  EXPECT_GE(got, 8);
  EXPECT_LT(got, 100);
}

// A frame that is longer than the card takes is lost, and the next one is not.
TEST_F(SwitchTest, WhatIsTooLongIsLost) {
  const auto a = port(), b = port();
  turn(*a);
  ASSERT_EQ(send(*a, frame(2, 1, 9000)), 0);
  ASSERT_EQ(send(*a, frame(2, 1, 1000)), 0);
  EXPECT_EQ(receive(*b, 1526), frame(2, 1, 1000));
}

TEST_F(SwitchTest, LeavesNothingBehind) {
  {
    const auto a = port(), b = port();
    EXPECT_TRUE(std::filesystem::exists(path()));
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
  // who is killed leaves its socket, which goes with who comes next
  const pid_t child = fork();
  if (child == 0) {
    const auto a = port();
    raise(SIGKILL);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_FALSE(std::filesystem::is_empty(path()));
  {
    const auto a = port();
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path()), {}), 1);
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
}

// The child of a fork closes its copy, and the port is still the parent's.
TEST_F(SwitchTest, AForkChangesNothing) {
  auto a = port(), b = port();
  turn(*a);
  const pid_t child = fork();
  if (child == 0) {
    a.reset();
    b.reset();
    _exit(0);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_EQ(send(*a, frame(2, 1, 60)), 0);
  EXPECT_FALSE(receive(*b).empty());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path()), {}), 2);
}

TEST_F(SwitchTest, IsOursAloneAndHasAName) {
  std::unique_ptr<NetBackend> made;
  const auto error = [&](const std::string& uri) {
    said_.clear();
    return open_net(
        uri, [this](std::string_view line) { said_ += line; }, made);
  };
  for (const char* uri : {"switch:", "switch:../x", "switch:.x", "switch:a b", "switch:a/b"})
    EXPECT_EQ(error(uri), -EINVAL) << uri;
  EXPECT_EQ(error("switch:" + std::string(33, 'a')), -EINVAL);
  EXPECT_EQ(error("switch:lab,ports=3"), -EINVAL);
  ASSERT_EQ(mkdir((folder_ / "lkl-switch").c_str(), 0700), 0);
  ASSERT_EQ(chmod((folder_ / "lkl-switch").c_str(), 0755), 0);
  EXPECT_EQ(error("switch:lab"), -EPERM);
  EXPECT_NE(said_.find("open to others"), std::string::npos) << said_;
  ASSERT_EQ(rmdir((folder_ / "lkl-switch").c_str()), 0);
  ASSERT_EQ(symlink("/tmp", (folder_ / "lkl-switch").c_str()), 0);
  EXPECT_EQ(error("switch:lab"), -EPERM);
}

TEST_F(SwitchTest, IsFullAtSixtyFive) {
  std::vector<std::unique_ptr<NetBackend>> ports;
  for (int i = 0; i < 65; ++i) ports.push_back(port());
  std::unique_ptr<NetBackend> made;
  EXPECT_EQ(open_net(
                "switch:lab", [this](std::string_view line) { said_ += line; }, made),
            -ENOSPC);
  EXPECT_NE(said_.find("no port left"), std::string::npos);
}

// ---- its parts ----

namespace {

struct Ring {
  std::unique_ptr<FrameRing> ring = std::make_unique<FrameRing>();
  RingWriter writer{*ring};
  RingReader reader{*ring};
  std::vector<char> room = std::vector<char>(70000);

  int put(size_t size) {
    std::vector<char> bytes(size, 'f');
    const IoVec part = {.base = bytes.data(), .size = size};
    return writer.put(std::span(&part, 1));
  }
  int64_t take() {
    const IoVec part = {.base = room.data(), .size = room.size()};
    return reader.take(std::span(&part, 1));
  }
};

}  // namespace

TEST(FrameRing, NeitherSideBelievesTheOther) {
  for (const uint64_t written : {uint64_t{4}, uint64_t{FrameRing::kRoom + 8}, UINT64_MAX}) {
    Ring ring;
    ring.ring->written = written;
    EXPECT_EQ(ring.take(), -EPROTO) << written;
  }
  for (const uint32_t length : {uint32_t{57}, uint32_t{70000}, UINT32_MAX}) {
    Ring ring;
    ASSERT_EQ(ring.put(52), 0);
    std::memcpy(ring.ring->data, &length, sizeof length);
    EXPECT_EQ(ring.take(), -EPROTO) << length;
  }
  for (const uint64_t taken : {uint64_t{64}, UINT64_MAX / 2}) {
    Ring ring;
    ring.ring->taken = taken;
    EXPECT_EQ(ring.put(52), -EPROTO) << taken;
  }
  Ring ring;
  EXPECT_EQ(ring.put(FrameRing::kLongest + 1), -EMSGSIZE);
  EXPECT_EQ(ring.put(FrameRing::kLongest), 0);
  EXPECT_EQ(ring.take(), static_cast<int64_t>(FrameRing::kLongest));
}

TEST(FrameRing, BellsRingOnceAndWhenTheyAreWanted) {
  Ring ring;
  ASSERT_EQ(ring.put(1000), 0);
  EXPECT_FALSE(ring.writer.reader_wants_bell());
  ring.reader.sleep();
  ASSERT_EQ(ring.put(1000), 0);
  EXPECT_TRUE(ring.writer.reader_wants_bell());
  EXPECT_FALSE(ring.writer.reader_wants_bell());
  int count = 2;
  while (ring.put(1000) == 0) ++count;
  EXPECT_TRUE(ring.writer.wait_for_room());
  EXPECT_EQ(ring.take(), 1000);
  EXPECT_FALSE(ring.reader.writer_wants_bell());
  for (int i = 1; i < count / 2; ++i) EXPECT_EQ(ring.take(), 1000);
  EXPECT_EQ(ring.take(), 1000);
  EXPECT_EQ(ring.take(), 1000);
  EXPECT_TRUE(ring.reader.writer_wants_bell());
  EXPECT_FALSE(ring.reader.writer_wants_bell());
  EXPECT_FALSE(ring.writer.wait_for_room());
}

TEST(MacTable, FindsForgetsAndReplaces) {
  MacTable table;
  const auto address = [](unsigned number) {
    std::array<std::byte, 6> bytes = {std::byte{2}};
    std::memcpy(bytes.data() + 2, &number, sizeof number);
    return bytes;
  };
  for (unsigned i = 0; i < 100; ++i) table.learn(address(i), i % 7);
  for (unsigned i = 0; i < 100; ++i) EXPECT_EQ(table.find(address(i)), i % 7);
  EXPECT_EQ(table.find(address(100)), MacTable::kNone);
  table.forget(3);
  EXPECT_EQ(table.find(address(3)), MacTable::kNone);
  EXPECT_EQ(table.find(address(4)), 4u);
  table.learn(address(4), 63);
  EXPECT_EQ(table.find(address(4)), 63u);
  for (unsigned i = 1000; i < 21000; ++i) {
    table.learn(address(i), 5);
    EXPECT_EQ(table.find(address(i)), 5u);
  }
}
