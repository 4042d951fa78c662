// SPDX-License-Identifier: GPL-2.0
// Requests that end later, and on another thread.
#include "virtio/blk.h"

#include <linux/virtio_blk.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "unit/fake_driver.h"
#include "virtio/mmio.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;
using Reg = FakeRegisters;

// Keeps requests until the test, or its thread, lets them go.
class HeldBackend final : public BlockBackend {
 public:
  explicit HeldBackend(unsigned block = 512) : block_(block) {}

  uint64_t size() const override { return 1 << 20; }
  unsigned block_size() const override { return block_; }
  void start(BlockRequest& request) override {
    {
      const std::lock_guard lock(mutex_);
      held_.push_back(&request);
    }
    came_.notify_one();
  }
  size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  void complete_one(int error = 0) {
    std::unique_lock lock(mutex_);
    ASSERT_FALSE(held_.empty());
    BlockRequest* const request = held_.front();
    held_.pop_front();
    lock.unlock();
    request->completed(error);
  }
  // False after close(), when all is done.
  bool wait_and_complete() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return closed_ || !held_.empty(); });
    if (held_.empty()) return false;
    BlockRequest* const request = held_.front();
    held_.pop_front();
    lock.unlock();
    request->completed(0);
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    came_.notify_all();
  }

 private:
  void resume(BlockRequest&, int64_t) override {}
  int64_t run_blocking(BlockRequest&) override { return 0; }

  const unsigned block_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<BlockRequest*> held_;
  bool closed_ = false;
};

struct CountedIrq final : IrqLine {
  std::atomic<unsigned> raised = 0;
  void raise() override { ++raised; }
};

class VirtioBlkTest : public ::testing::Test {
 protected:
  VirtioBlkTest() { make({.serial = "", .num_queues = 1}); }

  void make(const VirtioBlkOptions& options, unsigned block = 512) {
    mmio_.reset();
    auto backend = std::make_unique<HeldBackend>(block);
    backend_ = backend.get();
    device_ = std::make_unique<VirtioBlk>(std::move(backend), options);
    mmio_ = std::make_unique<MmioTransport>(*device_, ram_.memory, irq_);
  }

  void bring_up(uint64_t without = 0) {
    Reg registers = this->registers();
    ASSERT_TRUE(registers.negotiate(registers.offered() & ~without));
    std::memset(ram_.at(ring_.avail), 0, 6 + 2 * ring_.size);
    std::memset(ram_.at(ring_.used), 0, 6 + 8 * ring_.size);
    ring_.avail_index = 0;
    ASSERT_TRUE(registers.set_up(0, ring_));
    registers.go();
  }

  Reg registers() { return {*mmio_}; }
  void notify() { registers().set(Reg::kQueueNotify, 0); }

  // Request `slot`, as one indirect descriptor: any number of them fit the ring.
  void prepare(unsigned slot, uint32_t type = VIRTIO_BLK_T_IN, uint64_t sector = 0,
               uint32_t length = 512) {
    const uint64_t at = slots_ + slot * kSlot;
    *ram_.at<uint32_t>(at) = type;
    *ram_.at<uint64_t>(at + 8) = sector;
    *status(slot) = 0xee;
    Desc* const table = ram_.at<Desc>(at + 32);
    table[0] = {at, 16, kNext, 1};
    table[1] = {at + 128, length,
                static_cast<uint16_t>(kNext | (type == VIRTIO_BLK_T_IN ? kWrite : 0)), 2};
    table[2] = {at + 16, 1, kWrite, 0};
    ring_.descriptor(slot) = {at + 32, 48, kIndirect, 0};
  }
  uint8_t* status(unsigned slot) { return ram_.at<uint8_t>(slots_ + slot * kSlot + 16); }

  static constexpr uint64_t kSlot = 1280;
  FakeMemory ram_;
  FakeRing ring_{ram_, 256};
  const uint64_t slots_ = ram_.allocate(256 * kSlot);
  CountedIrq irq_;
  HeldBackend* backend_ = nullptr;
  std::unique_ptr<VirtioBlk> device_;
  std::unique_ptr<MmioTransport> mmio_;
};

}  // namespace

TEST_F(VirtioBlkTest, AFullRingInFlight) {
  bring_up(Reg::kEventIndex);
  for (unsigned i = 0; i < 256; ++i) {
    prepare(i);
    ring_.make_available(i);
  }
  notify();
  ASSERT_EQ(backend_->held(), 256u);
  EXPECT_EQ(ring_.used_index(), 0);
  EXPECT_FALSE(device_->idle());
  for (unsigned i = 0; i < 256; ++i) backend_->complete_one(i == 7 ? -EIO : 0);
  EXPECT_TRUE(device_->idle());
  EXPECT_EQ(ring_.used_index(), 256);
  EXPECT_EQ(irq_.raised, 256u);
  for (unsigned i = 0; i < 256; ++i) {
    EXPECT_EQ(ring_.used_id(i), i);
    EXPECT_EQ(*status(i), i == 7 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
    EXPECT_EQ(ring_.used_len(i), i == 7 ? 1u : 513u);
  }
}

// The driver offers a head again that is still in flight: the ring is broken, and
// nobody waits for ever.
TEST_F(VirtioBlkTest, MoreInFlightThanTheRingHolds) {
  bring_up(Reg::kEventIndex);
  prepare(0);
  for (unsigned i = 0; i < 256; ++i) ring_.make_available(0);
  notify();
  ASSERT_EQ(backend_->held(), 256u);
  ring_.make_available(0);
  notify();
  EXPECT_TRUE(registers().get(Reg::kStatus) & Reg::kNeedsReset);
  EXPECT_EQ(backend_->held(), 256u);
  while (backend_->held()) backend_->complete_one();
  EXPECT_EQ(ring_.used_index(), 0);
}

// Requests from before a reset take nothing from those after it, and write nothing.
TEST_F(VirtioBlkTest, AResetWithAFullRingInFlight) {
  bring_up(Reg::kEventIndex);
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned i = 0; i < 256; ++i) {
      prepare(i);
      ring_.make_available(i);
    }
    notify();
    ASSERT_EQ(backend_->held(), 256u * (round + 1));
    if (round < 2) bring_up(Reg::kEventIndex);
  }
  for (unsigned i = 0; i < 512; ++i) backend_->complete_one();
  EXPECT_EQ(ring_.used_index(), 0);
  EXPECT_EQ(*status(0), 0xee);
  EXPECT_EQ(irq_.raised, 0u);
  EXPECT_FALSE(device_->idle());
  for (unsigned i = 0; i < 256; ++i) backend_->complete_one();
  EXPECT_EQ(ring_.used_index(), 256);
  EXPECT_EQ(*status(255), VIRTIO_BLK_S_OK);
  EXPECT_TRUE(device_->idle());
}

// A driver that takes a queue away and gives it back, without a reset.
TEST_F(VirtioBlkTest, AQueueTakenAwayInFlight) {
  bring_up(Reg::kEventIndex);
  prepare(0);
  ring_.make_available(0);
  notify();
  ASSERT_EQ(backend_->held(), 1u);
  registers().set(Reg::kQueueSel, 0);
  registers().set(Reg::kQueueReady, 0);
  notify();
  backend_->complete_one();
  EXPECT_EQ(ring_.used_index(), 0);
}

TEST_F(VirtioBlkTest, NoPlaceForTheStatus) {
  bring_up(Reg::kEventIndex);
  const uint64_t header = slots_;
  std::memset(ram_.at(header), 0, 16);
  ring_.descriptor(0) = {header, 16, 0, 0};
  ring_.make_available(0);
  notify();
  EXPECT_EQ(backend_->held(), 0u);
  ASSERT_EQ(ring_.used_index(), 1);
  EXPECT_EQ(ring_.used_len(0), 0u);  // nothing was written
}

TEST_F(VirtioBlkTest, ReadOnlyByOption) {
  make({.serial = "", .num_queues = 1, .read_only = true});
  EXPECT_TRUE(registers().offered() >> VIRTIO_BLK_F_RO & 1);
  bring_up(Reg::kEventIndex);
  prepare(0, VIRTIO_BLK_T_OUT);
  ring_.make_available(0);
  notify();
  EXPECT_EQ(backend_->held(), 0u);
  EXPECT_EQ(*status(0), VIRTIO_BLK_S_IOERR);
  prepare(1, VIRTIO_BLK_T_IN);
  ring_.make_available(1);
  notify();
  ASSERT_EQ(backend_->held(), 1u);
  backend_->complete_one();
  EXPECT_EQ(*status(1), VIRTIO_BLK_S_OK);
}

TEST_F(VirtioBlkTest, LargeBlocksAreNotCut) {
  make({}, 1024);
  bring_up(Reg::kEventIndex);
  prepare(0, VIRTIO_BLK_T_IN, 1, 1024);
  ring_.make_available(0);
  notify();
  EXPECT_EQ(backend_->held(), 0u);
  EXPECT_EQ(*status(0), VIRTIO_BLK_S_IOERR);
  prepare(1, VIRTIO_BLK_T_IN, 2, 1024);
  ring_.make_available(1);
  notify();
  ASSERT_EQ(backend_->held(), 1u);
  backend_->complete_one();
  EXPECT_EQ(*status(1), VIRTIO_BLK_S_OK);
}

// Notifications here, completions there; with and without the event index. The
// driver sleeps whenever the rules allow it to: one lost wake-up and this hangs.
class VirtioBlkThreads : public VirtioBlkTest, public ::testing::WithParamInterface<bool> {};

TEST_P(VirtioBlkThreads, NothingIsLost) {
  constexpr unsigned kRequests = 20000, kDepth = 8;
  const bool event_index = GetParam();
  bring_up(event_index ? 0 : Reg::kEventIndex);
  std::thread executor([this] {
    while (backend_->wait_and_complete()) {
    }
  });

  std::vector<unsigned> free;
  for (unsigned i = 0; i < kDepth; ++i) {
    prepare(i);
    free.push_back(i);
  }
  const auto load = [](uint16_t* at) { return __atomic_load_n(at, __ATOMIC_SEQ_CST); };
  uint16_t* const used_index = ram_.at<uint16_t>(ring_.used + 2);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  unsigned sent = 0, ended = 0;
  bool lost = false;
  while (ended < kRequests && !lost) {
    const uint16_t before = ring_.avail_index;
    while (!free.empty() && sent < kRequests) {
      *status(free.back()) = 0xee;
      ring_.make_available(free.back());
      free.pop_back();
      ++sent;
    }
    const uint16_t added = ring_.avail_index - before;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const bool wanted =
        event_index ? static_cast<uint16_t>(ring_.avail_index - ring_.avail_event() - 1) < added
                    : added > 0 && !ring_.used_flags();
    if (wanted) notify();
    // Sleeps until an interrupt, unless there is something after it was asked for.
    const unsigned irqs_seen = irq_.raised.load();
    __atomic_store_n(&ring_.used_event(), ring_.used_seen, __ATOMIC_RELAXED);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (load(used_index) == ring_.used_seen) {
      while (irq_.raised.load() == irqs_seen && !lost) {
        lost = std::chrono::steady_clock::now() > deadline;
        std::this_thread::yield();
      }
    }
    while (load(used_index) != ring_.used_seen) {
      const unsigned head = ring_.used_id(ring_.used_seen++);
      EXPECT_LT(head, kDepth);
      EXPECT_EQ(*status(head), VIRTIO_BLK_S_OK);
      free.push_back(head);
      ++ended;
    }
  }
  backend_->close();
  executor.join();
  EXPECT_FALSE(lost);
  EXPECT_EQ(ended, kRequests);
  EXPECT_TRUE(device_->idle());
  EXPECT_GT(irq_.raised.load(), 0u);
}

INSTANTIATE_TEST_SUITE_P(EventIndex, VirtioBlkThreads, ::testing::Bool());
