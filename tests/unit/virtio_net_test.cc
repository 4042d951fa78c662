// SPDX-License-Identifier: GPL-2.0
// A network card, the driver and the other end of the wire being the test.
#include "virtio/net.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/record.h"
#include "host.h"
#include "net/host_net.h"
#include "unit/fake_driver.h"
#include "virtio/mmio.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;
using Reg = FakeRegisters;

constexpr uint64_t kMergeable = 1 << 15;
constexpr unsigned kHeader = 12, kReceive = 0, kSend = 1;

struct CountedIrq final : IrqLine {
  std::atomic<unsigned> raised = 0;
  void raise() override { ++raised; }
};

class VirtioNetTest : public ::testing::Test {
 protected:
  VirtioNetTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_.data()), 0);
    std::unique_ptr<NetBackend> backend;
    EXPECT_EQ(open_packets(ends_[0], ends_[0], PacketHeader::kNone, backend), 0);
    loop_ = make_event_loop(EventLoopKind::kThreads);
    device_ = std::make_unique<VirtioNet>(std::move(backend), *loop_,
                                          VirtioNetOptions{.mac = {2, 1, 1, 1, 1, 1}});
    mmio_ = std::make_unique<MmioTransport>(*device_, ram_.memory, irq_);
  }
  ~VirtioNetTest() override {
    device_->reset();
    for (const int end : ends_) close(end);
  }

  Reg registers() { return Reg{*mmio_}; }
  void start(uint64_t features = Reg::kVersion1 | kMergeable) {
    for (FakeRing* ring : {&receive_, &send_}) {
      ring->avail_index = ring->used_seen = 0;
      std::memset(ram_.at(ring->avail), 0, 6 + 2 * ring->size);
      std::memset(ram_.at(ring->used), 0, 6 + 8 * ring->size);
    }
    ASSERT_TRUE(registers().negotiate(features));
    ASSERT_TRUE(registers().set_up(kReceive, receive_));
    ASSERT_TRUE(registers().set_up(kSend, send_));
    registers().go();
  }
  bool needs_reset() { return registers().get(Reg::kStatus) & Reg::kNeedsReset; }

  // Buffer number i of the receiving ring, made available.
  void give(uint16_t i, uint32_t size, uint16_t flags = kWrite) {
    receive_.descriptor(i) = {buffers_ + 2048u * i, size, flags, 0};
    receive_.make_available(i);
  }
  const char* buffer(unsigned i) { return ram_.at<char>(buffers_ + 2048u * i); }
  // A frame with its header, in one piece.
  void offer(uint16_t i, const std::string& frame, uint16_t flags = 0) {
    char* const at = ram_.at<char>(frames_ + 2048u * i);
    std::memset(at, 0, kHeader);
    std::memcpy(at + kHeader, frame.data(), frame.size());
    send_.descriptor(i) = {frames_ + 2048u * i, static_cast<uint32_t>(kHeader + frame.size()),
                           flags, 0};
    send_.make_available(i);
  }
  void put(const std::string& frame) {
    ASSERT_EQ(write(ends_[1], frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
  }
  // Empty if there is none.
  std::string get() {
    std::string frame(4096, 0);
    const ssize_t count = recv(ends_[1], frame.data(), frame.size(), MSG_DONTWAIT);
    frame.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return frame;
  }
  // Until there is nothing to do for a while.
  void turn() {
    for (int i = 0; i < 5; ++i) loop_->wait(monotonic_ns() + 10'000'000);
  }

  std::array<int, 2> ends_;
  FakeMemory ram_;
  FakeRing receive_{ram_, 64}, send_{ram_, 64};
  const uint64_t buffers_ = ram_.allocate(2048 * 64), frames_ = ram_.allocate(2048 * 64);
  CountedIrq irq_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<VirtioNet> device_;
  std::unique_ptr<MmioTransport> mmio_;
};

std::string text(size_t size, char first = 'a') {
  std::string frame(size, 0);
  for (size_t i = 0; i < size; ++i) frame[i] = static_cast<char>(first + i % 23);
  return frame;
}

}  // namespace

TEST_F(VirtioNetTest, SaysWhatItIs) {
  EXPECT_EQ(registers().get(0x08), 1u);
  EXPECT_EQ(mmio_->read(Reg::kConfig, 1), 2u);
  EXPECT_EQ(mmio_->read(Reg::kConfig + 6, 2), 1u);  // the link is up
  // a wire without headers: no offloads
  EXPECT_EQ(registers().offered() & 0x3fff, 1u << 5);
}

TEST_F(VirtioNetTest, OneFrameInSeveralBuffers) {
  start();
  for (uint16_t i = 0; i < 32; ++i) give(i, 100);
  const std::string frame = text(250);
  put(frame);
  turn();
  ASSERT_EQ(receive_.used_index(), 3);
  EXPECT_EQ(receive_.used_len(0), 100u);
  EXPECT_EQ(receive_.used_len(1), 100u);
  EXPECT_EQ(receive_.used_len(2), 62u);
  uint16_t count;
  std::memcpy(&count, buffer(0) + 10, sizeof count);
  EXPECT_EQ(count, 3);
  std::string got(buffer(0) + kHeader, 88);
  got.append(buffer(1), 100).append(buffer(2), 62);
  EXPECT_EQ(got, frame);
  EXPECT_GE(irq_.raised, 1u);

  // the next one begins with the next buffer
  put("second");
  turn();
  ASSERT_EQ(receive_.used_index(), 4);
  EXPECT_EQ(receive_.used_id(3), 3u);
  EXPECT_EQ(std::string(buffer(3) + kHeader, 6), "second");
}

TEST_F(VirtioNetTest, FramesWaitForBuffers) {
  start();
  put("first");
  put("second");
  turn();
  EXPECT_EQ(receive_.used_index(), 0);
  EXPECT_EQ(receive_.used_flags() & 1, 0);  // to be told of buffers
  give(0, 1600);
  registers().set(Reg::kQueueNotify, kReceive);
  turn();
  ASSERT_EQ(receive_.used_index(), 1);
  EXPECT_EQ(std::string(buffer(0) + kHeader, 5), "first");
  turn();
  EXPECT_EQ(receive_.used_index(), 1);
  give(1, 1600);
  registers().set(Reg::kQueueNotify, kReceive);
  turn();
  ASSERT_EQ(receive_.used_index(), 2);
  EXPECT_EQ(std::string(buffer(1) + kHeader, 6), "second");
}

TEST_F(VirtioNetTest, WithoutMergeableBuffers) {
  start(Reg::kVersion1);
  give(0, 1600);
  give(1, 1600);
  put(text(1400));
  put("short");
  turn();
  turn();
  ASSERT_EQ(receive_.used_index(), 2);
  EXPECT_EQ(receive_.used_len(0), kHeader + 1400u);
  EXPECT_EQ(receive_.used_len(1), kHeader + 5u);
}

// Anybody may send one to a socket of datagrams.
TEST_F(VirtioNetTest, AnEmptyDatagramIsNoEnd) {
  std::array<int, 2> ends;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends.data()), 0);
  std::unique_ptr<NetBackend> wire;
  ASSERT_EQ(open_packets(ends[0], ends[0], PacketHeader::kNone, wire), 0);
  std::array<char, 100> bytes;
  const IoVec room = {.base = bytes.data(), .size = bytes.size()};
  ASSERT_EQ(send(ends[1], "", 0, 0), 0);
  EXPECT_EQ(wire->receive(0, std::span(&room, 1)), -EAGAIN);
  ASSERT_EQ(send(ends[1], "frame", 5, 0), 5);
  EXPECT_EQ(wire->receive(0, std::span(&room, 1)), 5);
  for (const int end : ends) close(end);
}

TEST_F(VirtioNetTest, FramesGoOutAsTheyAre) {
  start();
  for (uint16_t i = 0; i < 5; ++i) offer(i, text(60 + i, static_cast<char>('a' + i)));
  registers().set(Reg::kQueueNotify, kSend);
  EXPECT_EQ(send_.used_index(), 5);
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(get(), text(60 + i, static_cast<char>('a' + i)));
  EXPECT_EQ(get(), "");
}

// Nobody waits for the wire, each frame has an answer at once: who sends takes the answers.
TEST_F(VirtioNetTest, WhoSendsTakesWhatHasCome) {
  start();
  for (uint16_t i = 0; i < 60; ++i) give(i, 1600);
  unsigned waiting = 0, most = 0;
  for (unsigned i = 0; i < 50; ++i) {
    put("answer");
    offer(static_cast<uint16_t>(i % 60), "question");
    registers().set(Reg::kQueueNotify, kSend);
    waiting = i + 1 - receive_.used_index();
    most = std::max(most, waiting);
  }
  EXPECT_EQ(waiting, 0u);
  EXPECT_LE(most, 1u);
  EXPECT_GE(irq_.raised, 1u);
}

// Where nothing comes it looks seldom, but it does.
TEST_F(VirtioNetTest, WhoSendsGoesOnLooking) {
  start();
  for (uint16_t i = 0; i < 8; ++i) give(i, 1600);
  auto ask = [&, i = uint16_t{0}]() mutable {
    offer(i++ % 60, "question");
    registers().set(Reg::kQueueNotify, kSend);
    get();
  };
  for (unsigned i = 0; i < 100; ++i) ask();
  put("at last");
  unsigned asked = 0;
  while (receive_.used_index() == 0 && asked < 60) ask(), ++asked;
  EXPECT_LE(asked, 16u);
  EXPECT_EQ(std::string(buffer(0) + kHeader, 7), "at last");
}

// Threads of the application that often send look at the wire: nobody has to wait for it. What the
// library's own do is no sign of them, nor what is over.
TEST_F(VirtioNetTest, WhoSendsOftenAttends) {
  start();
  for (uint16_t i = 0; i < 8; ++i) give(i, 1600);
  uint16_t next = 0;
  const auto attended_after = [&](unsigned frames) {
    for (; frames > 0; --frames) {
      offer(next++ % 60, "question");
      registers().set(Reg::kQueueNotify, kSend);
      get();
    }
    return loop_->attended();
  };
  for (unsigned i = 0; i < 100; ++i) ASSERT_FALSE(attended_after(100));
  ThreadRecord application;
  current_thread().record = &application;
  bool attended = false;
  for (unsigned i = 0; i < 1000 && !attended; ++i) attended = attended_after(100);
  EXPECT_TRUE(attended);
  usleep(20'000);
  EXPECT_FALSE(loop_->attended());
  current_thread().record = nullptr;
}

// If somebody has promised to look, frames go out together: when there are enough of them, or when
// somebody settles that.
TEST_F(VirtioNetTest, FramesArePutOff) {
  start(Reg::kVersion1 | Reg::kEventIndex);
  uint16_t next = 0;
  const auto send = [&] {
    // as a driver that looks at the event index
    const bool notifies = send_.avail_index == send_.avail_event();
    offer(next++ % 60, "frame");
    if (notifies) registers().set(Reg::kQueueNotify, kSend);
  };
  const auto count = [&] {
    unsigned frames = 0;
    while (get() == "frame") ++frames;
    return frames;
  };
  send();
  EXPECT_EQ(count(), 1u);
  Postponed& postponed = loop_->postponed();
  postponed.promise();
  for (unsigned i = 0; i < 15; ++i) send();
  EXPECT_EQ(count(), 0u);
  send();
  EXPECT_EQ(count(), 16u);
  EXPECT_FALSE(postponed.settle());
  send();
  EXPECT_EQ(count(), 0u);
  EXPECT_TRUE(postponed.settle());
  EXPECT_EQ(count(), 1u);
  // a receiver's buffers do not make it forget
  send();
  give(0, 1600);
  registers().set(Reg::kQueueNotify, kReceive);
  EXPECT_EQ(count(), 0u);
  postponed.break_promise();
  EXPECT_EQ(count(), 1u);
  send();
  EXPECT_EQ(count(), 1u);
  // who takes the device away does not take the frames
  postponed.promise();
  send();
  registers().set(Reg::kStatus, 0);
  EXPECT_EQ(count(), 1u);
  start(Reg::kVersion1 | Reg::kEventIndex);
  send();
  device_->cut();  // but who takes the wire away does
  EXPECT_FALSE(postponed.settle());
  EXPECT_EQ(count(), 0u);
}

// Something else is put off: frames are sent at once, and who goes does not do it.
TEST_F(VirtioNetTest, OneThingIsPutOff) {
  struct Other final : Postponed::Work {
    int done = 0;
    void do_now() override { ++done; }
  } other;
  start();
  Postponed& postponed = loop_->postponed();
  postponed.promise();
  ASSERT_TRUE(postponed.postpone(other, 0));
  offer(0, "frame");
  registers().set(Reg::kQueueNotify, kSend);
  EXPECT_EQ(get(), "frame");
  registers().set(Reg::kStatus, 0);
  EXPECT_EQ(other.done, 0);
  EXPECT_TRUE(postponed.break_promise());
  EXPECT_EQ(other.done, 1);
  EXPECT_FALSE(postponed.postpone(other, 0));
}

// A driver that knows no event index notifies for each frame.
TEST_F(VirtioNetTest, FramesArePutOffOnce) {
  start();
  loop_->postponed().promise();
  for (uint16_t i = 0; i < 4; ++i) {
    offer(i, "frame");
    registers().set(Reg::kQueueNotify, kSend);
    const unsigned due = i % 2 ? 2 : 0;
    for (unsigned frames = 0; frames < due; ++frames) EXPECT_EQ(get(), "frame");
    EXPECT_EQ(get(), "");
  }
}

// With the buffers that are there; the rest when there are more.
TEST_F(VirtioNetTest, WhoSendsTakesWhatThereIsRoomFor) {
  start();
  give(0, 1600);
  put("first");
  put("second");
  for (uint16_t i = 0; i < 20; ++i) {
    offer(i, "question");
    registers().set(Reg::kQueueNotify, kSend);
  }
  EXPECT_EQ(receive_.used_index(), 1);
  turn();
  EXPECT_EQ(receive_.used_index(), 1);
  give(1, 1600);
  registers().set(Reg::kQueueNotify, kReceive);
  turn();
  ASSERT_EQ(receive_.used_index(), 2);
  EXPECT_EQ(std::string(buffer(1) + kHeader, 6), "second");
}

TEST_F(VirtioNetTest, AFullWireIsWaitedFor) {
  const int small = 4096;
  ASSERT_EQ(setsockopt(ends_[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  start();
  for (uint16_t i = 0; i < 60; ++i) offer(i, text(1000, static_cast<char>('A' + i)));
  registers().set(Reg::kQueueNotify, kSend);
  const unsigned sent = send_.used_index();
  EXPECT_LT(sent, 60u);
  for (unsigned i = 0; i < 60; ++i) {
    std::string frame;
    for (int tries = 0; tries < 100 && (frame = get()).empty(); ++tries) turn();
    ASSERT_EQ(frame, text(1000, static_cast<char>('A' + i))) << i;
  }
  EXPECT_EQ(send_.used_index(), 60);
}

TEST_F(VirtioNetTest, TheLinkGoesDownWithTheOtherEnd) {
  start();
  give(0, 1600);
  const uint32_t generation = registers().get(0xfc);
  shutdown(ends_[1], SHUT_RDWR);
  turn();
  EXPECT_EQ(mmio_->read(Reg::kConfig + 6, 2), 0u);
  EXPECT_NE(registers().get(0xfc), generation);
  EXPECT_EQ(registers().get(Reg::kInterruptStatus) & 2, 2u);
}

TEST_F(VirtioNetTest, WhoBreaksTheRulesHasToReset) {
  // a buffer that is to be read, one that has no room for the header
  for (const auto& [size, flags] : {std::pair<uint32_t, uint16_t>{1600, 0}, {11, kWrite}}) {
    start();
    give(0, size, flags);
    put("frame");
    turn();
    EXPECT_TRUE(needs_reset()) << size;
    EXPECT_EQ(receive_.used_index(), 0);
  }
  // a frame without a whole header or without content, or that is to be written
  start();
  offer(0, "");
  registers().set(Reg::kQueueNotify, kSend);
  EXPECT_TRUE(needs_reset());
  start();
  offer(0, "frame", kWrite);
  registers().set(Reg::kQueueNotify, kSend);
  EXPECT_TRUE(needs_reset());
  // and then it goes on
  start();
  EXPECT_FALSE(needs_reset());
  offer(0, "good");
  registers().set(Reg::kQueueNotify, kSend);
  EXPECT_EQ(get(), "good");
}

// The driver resets the card again and again while frames come, on another thread.
TEST_F(VirtioNetTest, ResetsWhileFramesCome) {
  std::atomic<bool> stop = false;
  std::thread owner([&] {
    while (!stop) loop_->wait(monotonic_ns() + 1'000'000);
  });
  std::thread other([&] {
    const std::string frame = text(700);
    while (!stop)
      if (send(ends_[1], frame.data(), frame.size(), MSG_DONTWAIT) < 0) usleep(50);
  });
  for (int i = 0; i < 200; ++i) {
    start();
    for (uint16_t k = 0; k < 40; ++k) give(k, 1000);
    registers().set(Reg::kQueueNotify, kReceive);
    while (receive_.used_index() < 20) std::this_thread::yield();
    registers().set(Reg::kStatus, 0);
    // nothing is written after that
    const uint16_t used = receive_.used_index();
    std::this_thread::yield();
    ASSERT_EQ(receive_.used_index(), used);
  }
  stop = true;
  owner.join();
  other.join();
}
