// SPDX-License-Identifier: GPL-2.0
// Commands to a network card, and its further pairs of queues: the driver is the test.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/fake_driver.h"
#include "virtio/mmio.h"
#include "virtio/net.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;
using Reg = FakeRegisters;

constexpr unsigned kPairs = 3, kHeader = 12;
constexpr uint64_t kGuestChecksum = 1 << 1, kSetOffloads = 1 << 2, kGuestTso4 = 1 << 7,
                   kMergeable = 1 << 15, kCommands = 1 << 17, kMultiQueue = 1 << 22;

struct QuietIrq final : IrqLine {
  void raise() override {}
};

// A pair of sockets for each queue.
class Wires final : public NetBackend {
 public:
  Wires() {
    for (auto& ends : wires) EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
  }
  ~Wires() override {
    for (const auto& ends : wires)
      for (const int end : ends) close(end);
  }
  bool has_header() const override { return true; }
  NetOffloads offloads() const override { return {.checksum = true, .tso4 = true}; }
  int accept(const NetOffloads& offloads) override {
    accepted = offloads;
    return refuses ? -EOPNOTSUPP : 0;
  }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  unsigned queues() const override { return kPairs; }
  int use_queues(unsigned count) override {
    if (refuses) return -EINVAL;
    used = count;
    return 0;
  }
  int send(unsigned queue, std::span<const IoVec> frame) override {
    for (const IoVec& part : frame)
      sent[queue].append(static_cast<const char*>(part.base), part.size);
    return 0;
  }
  int64_t receive(unsigned queue, std::span<const IoVec> room) override {
    const ssize_t count = recv(wires[queue][0], room[0].base, room[0].size, MSG_DONTWAIT);
    return count < 0 ? -errno : count;
  }
  bool has_link() const override { return link; }
  int in(unsigned queue) const override { return wires[queue][0]; }
  int out(unsigned queue) const override { return wires[queue][0]; }

  std::array<std::array<int, 2>, kPairs> wires;
  std::array<std::string, kPairs> sent;
  NetOffloads accepted;
  unsigned used = 0;
  bool refuses = false, link = true;
};

class VirtioNetCommandTest : public ::testing::Test {
 protected:
  VirtioNetCommandTest() {
    loop_ = make_event_loop(EventLoopKind::kThreads);
    device_ =
        std::make_unique<VirtioNet>(wires_, *loop_, VirtioNetOptions{.mac = {2, 1, 1, 1, 1, 1}});
    mmio_ = std::make_unique<MmioTransport>(*device_, ram_.memory, irq_);
    for (unsigned i = 0; i < 2 * kPairs + 1; ++i) rings_.emplace_back(ram_, 16);
  }
  ~VirtioNetCommandTest() override { device_->reset(); }

  Reg registers() { return Reg{*mmio_}; }
  bool needs_reset() { return registers().get(Reg::kStatus) & Reg::kNeedsReset; }
  // With rings for all queues that these features have.
  void start(uint64_t features) {
    ASSERT_TRUE(registers().negotiate(Reg::kVersion1 | Reg::kEventIndex | kMergeable | features));
    const unsigned count = 2 * (features & kMultiQueue ? kPairs : 1) + 1;
    for (unsigned i = 0; i < count; ++i) {
      FakeRing& ring = rings_[i];
      ring.avail_index = 0;
      std::memset(ram_.at(ring.avail), 0, 6 + 2 * ring.size);
      std::memset(ram_.at(ring.used), 0, 6 + 8 * ring.size);
      ASSERT_TRUE(registers().set_up(i, ring)) << i;
    }
    command_ = count - 1;
    registers().go();
    for (unsigned i = 0; i < count - 1; i += 2) {
      rings_[i].descriptor(0) = {room_ + 1600 * i, 1600, kWrite, 0};
      rings_[i].make_available(0);
    }
  }
  // The card's answer: 0 if it was done, 1 if not.
  template <class... Value>
  unsigned command(uint8_t group, uint8_t number, const Value&... value) {
    std::string bytes = {static_cast<char>(group), static_cast<char>(number)};
    (bytes.append(reinterpret_cast<const char*>(&value), sizeof value), ...);
    FakeRing& ring = rings_[command_];
    std::memcpy(ram_.at(command_place_), bytes.data(), bytes.size());
    *ram_.at<uint8_t>(answer_) = 77;
    // its parts as the driver of Linux has them
    ring.descriptor(0) = {command_place_, 2, kNext, 1};
    ring.descriptor(1) = {command_place_ + 2, static_cast<uint32_t>(bytes.size() - 2), kNext, 2};
    ring.descriptor(2) = {answer_, 1, kWrite, 0};
    if (bytes.size() == 2) ring.descriptor(0).next = 2;
    const uint16_t before = ring.used_index();
    ring.make_available(0);
    registers().set(Reg::kQueueNotify, command_);
    EXPECT_EQ(ring.used_index(), static_cast<uint16_t>(before + 1));
    EXPECT_EQ(ring.used_len(before), 1u);
    EXPECT_EQ(ring.avail_event(), ring.avail_index);  // it wants to hear of the next one
    return *ram_.at<uint8_t>(answer_);
  }
  // The buffer of a receiving ring once more.
  void give_again(unsigned queue) {
    rings_[queue].make_available(0);
    registers().set(Reg::kQueueNotify, queue);
  }
  void turn() {
    for (int i = 0; i < 5; ++i) loop_->wait(monotonic_ns() + 5'000'000);
  }
  // A frame on this wire: which rings have got one since.
  std::string got_by(unsigned wire) {
    std::array<uint16_t, kPairs> before;
    for (unsigned i = 0; i < kPairs; ++i) before[i] = rings_[2 * i].used_index();
    const std::string frame = std::string(kHeader, 0) + "frame";
    EXPECT_EQ(write(wires_->wires[wire][1], frame.data(), frame.size()),
              static_cast<ssize_t>(frame.size()));
    turn();
    std::string which;
    for (unsigned i = 0; i < kPairs; ++i)
      if (rings_[2 * i].used_index() != before[i]) which += std::to_string(i);
    return which;
  }

  FakeMemory ram_;
  const uint64_t room_ = ram_.allocate(1600 * 2 * kPairs), command_place_ = ram_.allocate(128),
                 answer_ = ram_.allocate(16);
  std::vector<FakeRing> rings_;
  unsigned command_ = 2;
  QuietIrq irq_;
  const std::shared_ptr<Wires> wires_ = std::make_shared<Wires>();
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<VirtioNet> device_;
  std::unique_ptr<MmioTransport> mmio_;
};

}  // namespace

TEST_F(VirtioNetCommandTest, OnePairIsUsedUntilTheDriverWantsMore) {
  EXPECT_EQ(mmio_->read(Reg::kConfig + 8, 2), kPairs);
  start(kCommands | kMultiQueue);
  EXPECT_EQ(wires_->used, 1u);
  EXPECT_EQ(got_by(0), "0");
  EXPECT_EQ(got_by(1), "");
  EXPECT_EQ(command(4, 0, uint16_t{3}), 0u);
  EXPECT_EQ(wires_->used, 3u);
  turn();
  EXPECT_EQ(rings_[2].used_index(), 1);  // what had come before
  EXPECT_EQ(got_by(2), "2");
  // and less again: what comes there is left on the wire
  EXPECT_EQ(command(4, 0, uint16_t{1}), 0u);
  give_again(4);
  EXPECT_EQ(got_by(2), "");
  for (const uint16_t count : {uint16_t{0}, uint16_t{kPairs + 1}, uint16_t{0xffff}})
    EXPECT_EQ(command(4, 0, count), 1u) << count;
  wires_->refuses = true;
  EXPECT_EQ(command(4, 0, uint16_t{2}), 1u);
  EXPECT_EQ(wires_->used, 1u);
  EXPECT_FALSE(needs_reset());
}

TEST_F(VirtioNetCommandTest, EachPairSendsToItsOwnWire) {
  start(kCommands | kMultiQueue);
  ASSERT_EQ(command(4, 0, uint16_t{3}), 0u);
  for (unsigned i = 0; i < kPairs; ++i) {
    const std::string frame = std::string(kHeader, 0) + "to " + std::to_string(i);
    std::memcpy(ram_.at(room_ + 1600 * (2 * i + 1)), frame.data(), frame.size());
    FakeRing& ring = rings_[2 * i + 1];
    ring.descriptor(0) = {room_ + 1600 * (2 * i + 1), static_cast<uint32_t>(frame.size()), 0, 0};
    ring.make_available(0);
    registers().set(Reg::kQueueNotify, 2 * i + 1);
    EXPECT_EQ(wires_->sent[i], frame);
  }
}

TEST_F(VirtioNetCommandTest, WithoutSeveralPairsTheThirdQueueIsForCommands) {
  start(kCommands);
  const std::array<uint8_t, 6> mac = {2, 9, 8, 7, 6, 5};
  EXPECT_EQ(command(1, 1, mac), 0u);
  for (unsigned i = 0; i < mac.size(); ++i) EXPECT_EQ(mmio_->read(Reg::kConfig + i, 1), mac[i]);
  EXPECT_EQ(command(1, 1, uint32_t{1}), 1u);  // no address
  EXPECT_EQ(command(4, 0, uint16_t{1}), 1u);  // not agreed on
  EXPECT_EQ(command(5, 0, uint64_t{0}), 1u);  // the same
  EXPECT_EQ(command(9, 9), 1u);               // nobody knows what that is
  EXPECT_EQ(command(1, 1, std::array<char, 90>{}), 1u);
  EXPECT_EQ(mmio_->read(Reg::kConfig, 1), mac[0]);
  EXPECT_FALSE(needs_reset());
}

TEST_F(VirtioNetCommandTest, OffloadsAreTakenBackAndGivenAgain) {
  start(kCommands | kSetOffloads | kGuestChecksum | kGuestTso4);
  EXPECT_EQ(wires_->accepted, (NetOffloads{.checksum = true, .tso4 = true}));
  EXPECT_EQ(command(5, 0, uint64_t{kGuestChecksum}), 0u);
  EXPECT_EQ(wires_->accepted, NetOffloads{.checksum = true});
  EXPECT_EQ(command(5, 0, kGuestChecksum | kGuestTso4), 0u);
  EXPECT_EQ(wires_->accepted, (NetOffloads{.checksum = true, .tso4 = true}));
  EXPECT_EQ(command(5, 0, uint64_t{1} << 8), 1u);  // was never agreed on
  wires_->refuses = true;
  EXPECT_EQ(command(5, 0, uint64_t{0}), 1u);
}

TEST_F(VirtioNetCommandTest, ACommandWithoutRoomForItsAnswerBreaksTheRules) {
  start(kCommands);
  FakeRing& ring = rings_[2];
  ring.descriptor(0) = {command_place_, 8, 0, 0};
  ring.make_available(0);
  registers().set(Reg::kQueueNotify, 2);
  EXPECT_TRUE(needs_reset());
  start(kCommands);
  ring.descriptor(0) = {answer_, 1, kWrite, 0};
  ring.make_available(0);
  registers().set(Reg::kQueueNotify, 2);
  EXPECT_TRUE(needs_reset());
}

TEST_F(VirtioNetCommandTest, TheLinkIsAsTheWireSays) {
  start(0);
  const uint32_t generation = registers().get(0xfc);
  EXPECT_EQ(mmio_->read(Reg::kConfig + 6, 2), 1u);
  wires_->link = false;
  EXPECT_EQ(got_by(0), "0");
  EXPECT_EQ(mmio_->read(Reg::kConfig + 6, 2), 0u);
  EXPECT_NE(registers().get(0xfc), generation);
  wires_->link = true;
  give_again(0);
  EXPECT_EQ(got_by(0), "0");
  EXPECT_EQ(mmio_->read(Reg::kConfig + 6, 2), 1u);
  // once its end has come it stays so
  give_again(0);
  close(wires_->wires[0][1]);
  turn();
  EXPECT_EQ(mmio_->read(Reg::kConfig + 6, 2), 0u);
  wires_->wires[0][1] = dup(wires_->wires[1][1]);
}
