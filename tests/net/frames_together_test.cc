// SPDX-License-Identifier: GPL-2.0
// A thread that often sends has its frames sent a few at once: none is forgotten, though nobody
// enters the kernel any more, and none goes out twice. On a host that is too slow each is sent at
// once; that they are put off is seen by VirtioNetTest of tests/unit.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "net/conversation.h"
#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr size_t kBefore = 14 + 20 + 8, kPacket = 40;

// Who has the other end: each number that comes, and how often.
class Receiver final {
 public:
  Receiver(int end, int numbers) : end_(end), seen_(static_cast<size_t>(numbers)) {
    thread_ = std::thread([this] { receive(); });
  }
  ~Receiver() {
    stop_ = true;
    thread_.join();
  }
  int count() const { return count_; }
  // In user mode: no call of the kernel's, and no wait of the host's.
  bool has(int numbers) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (count_ < numbers)
      if (std::chrono::steady_clock::now() > end) return false;
    return true;
  }
  int most_often() const {
    int most = 0;
    for (const auto& times : seen_) most = std::max(most, times.load());
    return most;
  }

 private:
  void receive() {
    std::vector<char> frame(2048);
    while (!stop_) {
      pollfd wait = {.fd = end_, .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, 20) != 1) continue;
      uint32_t number;
      if (read(end_, frame.data(), frame.size()) != kBefore + kPacket) continue;
      std::memcpy(&number, frame.data() + kBefore, sizeof number);
      if (number >= seen_.size()) continue;
      ++seen_[number];
      ++count_;
    }
  }

  const int end_;
  std::vector<std::atomic<int>> seen_;
  std::atomic<int> count_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class FramesTogetherTest : public NicTest {
 protected:
  void SetUp() override {
    NicTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(connect_card(fd_uri(wire_.end(0)).c_str(), "10.0.0.1", 0, nd_), 0);
    ASSERT_NO_FATAL_FAILURE(know_the_neighbor("10.0.0.2"));
    udp_ = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
    ASSERT_GE(udp_, 0);
  }
  void TearDown() override {
    if (udp_ >= 0) lkl_sys_close(udp_);
    lkl_netdev_free(nd_);
    NicTest::TearDown();
  }
  // The next so many numbers.
  void send(int packets) {
    lkl_sockaddr_in there = address("10.0.0.2");
    std::vector<char> packet(kPacket);
    for (; packets > 0; --packets, ++sent_) {
      std::memcpy(packet.data(), &sent_, sizeof sent_);
      while (lkl_sys_sendto(udp_, packet.data(), packet.size(), 0, generic(there), sizeof there) !=
             static_cast<long>(packet.size()))
        usleep(100);
    }
  }

  const Wire wire_;
  lkl_netdev* nd_ = nullptr;
  int udp_ = -1;
  int sent_ = 0;
};

}  // namespace

TEST_F(FramesTogetherTest, ThoughNobodyCallsAnyMore) {
  constexpr int kRounds = 20, kOfEach = 4007;
  Receiver receiver(wire_.end(1), kRounds * kOfEach);
  for (int i = 1; i <= kRounds; ++i) {
    send(kOfEach);
    ASSERT_TRUE(receiver.has(i * kOfEach)) << receiver.count() << " of " << i * kOfEach;
  }
  EXPECT_EQ(receiver.most_often(), 1);
}

// A thread waits in the kernel, and has the wire, again and again; another one sends.
TEST_F(FramesTogetherTest, ThoughAnotherOneWaits) {
  constexpr int kRounds = 20, kOfEach = 4007;
  Receiver receiver(wire_.end(1), kRounds * kOfEach);
  std::atomic<bool> stop = false;
  std::thread waits([&] {
    while (!stop) {
      __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 2'000'000};
      lkl_sys_ppoll(nullptr, 0, &moment, nullptr, 0);
    }
  });
  for (int i = 1; i <= kRounds; ++i) {
    send(kOfEach);
    EXPECT_TRUE(receiver.has(i * kOfEach)) << receiver.count() << " of " << i * kOfEach;
  }
  EXPECT_EQ(receiver.most_often(), 1);
  stop = true;
  waits.join();
}

// The child of a fork has the wire no more, nor what was to go out on it.
TEST_F(FramesTogetherTest, OnceInParentAndChild) {
  constexpr int kForks = 10, kOfEach = 4007;
  Receiver receiver(wire_.end(1), kForks * kOfEach);
  for (int i = 1; i <= kForks; ++i) {
    send(kOfEach);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      send(1000);
      __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 5'000'000};
      _exit(lkl_sys_ppoll(nullptr, 0, &moment, nullptr, 0) == 0 ? 0 : 1);
    }
    EXPECT_TRUE(receiver.has(i * kOfEach)) << receiver.count() << " of " << i * kOfEach;
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(receiver.count(), kForks * kOfEach);
  EXPECT_EQ(receiver.most_often(), 1);
}
