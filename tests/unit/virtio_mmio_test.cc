// SPDX-License-Identifier: GPL-2.0
// The register window with a device that only notes what it is told.
#include "virtio/mmio.h"

#include <array>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "unit/fake_driver.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;
using Reg = FakeRegisters;

struct NotedDevice final : VirtioDevice {
  static constexpr uint64_t kFeatures = 0x21;
  std::array<std::byte, 6> bytes = {std::byte{1}, std::byte{2}, std::byte{3},
                                    std::byte{4}, std::byte{5}, std::byte{6}};
  std::vector<unsigned> notified;
  unsigned activated = 0, resets = 0;
  uint64_t agreed = 0;
  std::vector<VirtQueue*> rings;
  VirtioTransport* transport = nullptr;

  uint32_t id() const override { return 42; }
  uint64_t features() const override { return kFeatures; }
  unsigned queues() const override { return 2; }
  std::span<const std::byte> config() const override { return bytes; }
  void activate(uint64_t features, std::span<VirtQueue* const> queues,
                VirtioTransport& its_transport) override {
    ++activated;
    agreed = features;
    rings.assign(queues.begin(), queues.end());
    transport = &its_transport;
  }
  void notify(unsigned queue) override { notified.push_back(queue); }
  void reset() override { ++resets; }
};

struct CountedIrq final : IrqLine {
  unsigned raised = 0;
  void raise() override { ++raised; }
};

class MmioTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kAgreed = NotedDevice::kFeatures | Reg::kVersion1;

  FakeMemory ram_;
  FakeRing first_{ram_, 8}, second_{ram_, 4};
  NotedDevice device_;
  CountedIrq irq_;
  MmioTransport mmio_{device_, ram_.memory, irq_};
  Reg registers_{mmio_};
};

}  // namespace

TEST_F(MmioTest, Offers) {
  EXPECT_EQ(registers_.get(0), 0x74726976u);
  EXPECT_EQ(registers_.get(4), 2u);
  EXPECT_EQ(registers_.get(8), 42u);
  EXPECT_EQ(registers_.offered(),
            NotedDevice::kFeatures | Reg::kVersion1 | Reg::kIndirectDesc | Reg::kEventIndex);
  registers_.set(Reg::kDeviceFeaturesSel, 2);
  EXPECT_EQ(registers_.get(Reg::kDeviceFeatures), 0u);
  // section 4.2.2: a region of shared memory that is not there is of length -1
  EXPECT_EQ(registers_.get(Reg::kShmLength), 0xffffffffu);
  EXPECT_EQ(registers_.get(Reg::kShmLength + 4), 0xffffffffu);
}

TEST_F(MmioTest, ConfigurationOfAnyWidth) {
  EXPECT_EQ(mmio_.read(Reg::kConfig, 1), 0x01u);
  EXPECT_EQ(mmio_.read(Reg::kConfig + 1, 1), 0x02u);
  EXPECT_EQ(mmio_.read(Reg::kConfig + 2, 2), 0x0403u);
  EXPECT_EQ(mmio_.read(Reg::kConfig, 4), 0x04030201u);
  EXPECT_EQ(mmio_.read(Reg::kConfig + 4, 2), 0x0605u);
  EXPECT_EQ(mmio_.read(Reg::kConfig + 4, 4), 0u);  // half of it is not there
  EXPECT_EQ(mmio_.read(Reg::kConfig + 6, 1), 0u);
  mmio_.write(Reg::kConfig, 0xff, 1);
  EXPECT_EQ(mmio_.read(Reg::kConfig, 1), 0x01u);
}

TEST_F(MmioTest, OddAccessesAreNothing) {
  EXPECT_EQ(mmio_.read(1, 4), 0u);
  EXPECT_EQ(mmio_.read(0, 1), 0u);
  EXPECT_EQ(mmio_.read(0, 8), 0u);
  mmio_.write(Reg::kStatus, 1, 1);
  mmio_.write(Reg::kStatus, 1, 8);
  EXPECT_EQ(registers_.get(Reg::kStatus), 0u);
}

TEST_F(MmioTest, AgreesOnFeatures) {
  EXPECT_FALSE(registers_.negotiate(kAgreed | 2));             // not offered
  EXPECT_FALSE(registers_.negotiate(NotedDevice::kFeatures));  // no version 1
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  // too late
  registers_.set(Reg::kDriverFeaturesSel, 0);
  registers_.set(Reg::kDriverFeatures, 0);
  ASSERT_TRUE(registers_.set_up(0, first_));
  registers_.go();
  EXPECT_EQ(device_.activated, 1u);
  EXPECT_EQ(device_.agreed, kAgreed);
  registers_.go();
  EXPECT_EQ(device_.activated, 1u);
}

TEST_F(MmioTest, NoDeviceWithoutAgreement) {
  EXPECT_FALSE(registers_.negotiate(kAgreed | 2));
  registers_.set(Reg::kStatus, Reg::kAcknowledge | Reg::kDriver | Reg::kDriverOk);
  EXPECT_EQ(device_.activated, 0u);
  EXPECT_EQ(registers_.get(Reg::kStatus) & Reg::kDriverOk, 0u);
  registers_.set(Reg::kQueueNotify, 0);
  EXPECT_TRUE(device_.notified.empty());
}

TEST_F(MmioTest, QueuesAreSeparate) {
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  EXPECT_TRUE(registers_.set_up(1, second_));
  registers_.set(Reg::kQueueSel, 0);
  EXPECT_EQ(registers_.get(Reg::kQueueReady), 0u);
  EXPECT_GE(registers_.get(Reg::kQueueNumMax), 8u);
  registers_.set(Reg::kQueueSel, 2);
  EXPECT_EQ(registers_.get(Reg::kQueueNumMax), 0u);
  EXPECT_FALSE(registers_.set_up(2, first_));
  registers_.go();
  ASSERT_EQ(device_.rings.size(), 2u);
  EXPECT_FALSE(device_.rings[0]->ready());
  EXPECT_TRUE(device_.rings[1]->ready());
  registers_.set(Reg::kQueueNotify, 1);
  registers_.set(Reg::kQueueNotify, 2);
  registers_.set(Reg::kQueueNotify, 0xffffffff);
  EXPECT_EQ(device_.notified, std::vector<unsigned>{1});
}

TEST_F(MmioTest, ARunningQueueStaysAsItIs) {
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  ASSERT_TRUE(registers_.set_up(0, first_));
  registers_.go();
  std::array<lkl::host::IoVec, VirtQueue::kMaxChain> room;
  Chain chain;
  first_.descriptor(0) = {ram_.allocate(16), 16, 0, 0};
  first_.make_available(0);
  ASSERT_TRUE(device_.rings[0]->pop(room, chain));
  // "ready" said twice does not start it from the beginning
  registers_.set(Reg::kQueueReady, 1);
  EXPECT_FALSE(device_.rings[0]->pop(room, chain));
  // nor does it move
  registers_.set_address(Reg::kQueueDevice, second_.used);
  device_.rings[0]->push(0, 5);
  EXPECT_EQ(first_.used_index(), 1);
  EXPECT_EQ(second_.used_index(), 0);
}

TEST_F(MmioTest, ABadQueueNeedsAReset) {
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  FakeRing wild = first_;
  wild.used = 16;
  EXPECT_FALSE(registers_.set_up(0, wild));
  EXPECT_TRUE(registers_.get(Reg::kStatus) & Reg::kNeedsReset);
  registers_.go();  // does not take it away
  EXPECT_TRUE(registers_.get(Reg::kStatus) & Reg::kNeedsReset);
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  EXPECT_FALSE(registers_.get(Reg::kStatus) & Reg::kNeedsReset);
  EXPECT_TRUE(registers_.set_up(0, first_));
}

TEST_F(MmioTest, Interrupts) {
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  ASSERT_TRUE(registers_.set_up(0, first_));
  registers_.go();
  ASSERT_EQ(irq_.raised, 0u);
  device_.transport->interrupt();
  EXPECT_EQ(irq_.raised, 1u);
  EXPECT_EQ(registers_.get(Reg::kInterruptStatus), 1u);
  device_.transport->needs_reset();
  EXPECT_EQ(irq_.raised, 2u);
  EXPECT_EQ(registers_.get(Reg::kInterruptStatus), 3u);
  registers_.set(Reg::kInterruptAck, 1);
  EXPECT_EQ(registers_.get(Reg::kInterruptStatus), 2u);
}

TEST_F(MmioTest, ResetForgetsAll) {
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  ASSERT_TRUE(registers_.set_up(0, first_));
  registers_.go();
  device_.transport->interrupt();
  const unsigned resets = device_.resets;
  registers_.set(Reg::kStatus, 0);
  EXPECT_EQ(device_.resets, resets + 1);
  EXPECT_EQ(registers_.get(Reg::kStatus), 0u);
  EXPECT_EQ(registers_.get(Reg::kInterruptStatus), 0u);
  registers_.set(Reg::kQueueSel, 0);
  EXPECT_EQ(registers_.get(Reg::kQueueReady), 0u);
  EXPECT_FALSE(device_.rings[0]->ready());
  registers_.set(Reg::kQueueNotify, 0);
  EXPECT_TRUE(device_.notified.empty());
  // the layout of before is gone too
  ASSERT_TRUE(registers_.negotiate(kAgreed));
  registers_.set(Reg::kQueueReady, 1);
  EXPECT_EQ(registers_.get(Reg::kQueueReady), 0u);
}

TEST(GuestMemory, OnlyWhatWasRegistered) {
  GuestMemory memory;
  EXPECT_FALSE(memory.translate(0, 0));
  EXPECT_FALSE(memory.translate(0, 1));
  std::array<std::byte, 64> bytes;
  memory.set_range(4096, bytes.data(), bytes.size());
  ASSERT_TRUE(memory.translate(4096, 64));
  EXPECT_EQ(memory.translate(4096 + 60, 4)->data(), bytes.data() + 60);
  EXPECT_FALSE(memory.translate(4096 + 60, 5));
  EXPECT_FALSE(memory.translate(4095, 1));
  EXPECT_FALSE(memory.translate(4096, ~uint64_t{0}));
  EXPECT_FALSE(memory.translate(~uint64_t{0}, 2));
  EXPECT_FALSE(memory.translate(4096 + 65, 0));
}
