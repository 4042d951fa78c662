// SPDX-License-Identifier: GPL-2.0
// The block device behind its register window, driven as a driver would.
#include "virtio/blk.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "block/memory_backend.h"
#include "support/fault_backend.h"
#include "unit/fake_driver.h"
#include "virtio/mmio.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;

struct CountedIrq final : IrqLine {
  unsigned raised = 0;
  void raise() override { ++raised; }
};

class BlkTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSectors = 2048;

  BlkTest() {
    auto backend = std::make_unique<FaultBackend>(std::make_unique<MemoryBackend>(kSectors * 512));
    fault_ = backend.get();
    device_ = std::make_unique<VirtioBlk>(std::move(backend),
                                          VirtioBlkOptions{.serial = "serial", .num_queues = 2});
    mmio_ = std::make_unique<MmioTransport>(*device_, ram_.memory, irq_);
  }

  uint32_t reg(uint64_t offset) { return static_cast<uint32_t>(mmio_->read(offset, 4)); }
  void set(uint64_t offset, uint32_t value) { mmio_->write(offset, value, 4); }

  uint64_t offered() {
    set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    const uint64_t high = reg(VIRTIO_MMIO_DEVICE_FEATURES);
    set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    return high << 32 | reg(VIRTIO_MMIO_DEVICE_FEATURES);
  }

  void bring_up() {
    set(VIRTIO_MMIO_STATUS, 0);
    set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    set(VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    const uint64_t features = offered() & ~(uint64_t{1} << 29);  // no event index: each interrupts
    for (const unsigned half : {0u, 1u}) {
      set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
      set(VIRTIO_MMIO_DRIVER_FEATURES, static_cast<uint32_t>(features >> (32 * half)));
    }
    set(VIRTIO_MMIO_STATUS, 1 | 2 | VIRTIO_CONFIG_S_FEATURES_OK);
    ASSERT_TRUE(reg(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
    set(VIRTIO_MMIO_QUEUE_SEL, 0);
    ASSERT_GE(reg(VIRTIO_MMIO_QUEUE_NUM_MAX), ring_.size);
    set(VIRTIO_MMIO_QUEUE_NUM, ring_.size);
    set(VIRTIO_MMIO_QUEUE_DESC_LOW, static_cast<uint32_t>(ring_.desc));
    set(VIRTIO_MMIO_QUEUE_DESC_HIGH, 0);
    set(VIRTIO_MMIO_QUEUE_AVAIL_LOW, static_cast<uint32_t>(ring_.avail));
    set(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, 0);
    set(VIRTIO_MMIO_QUEUE_USED_LOW, static_cast<uint32_t>(ring_.used));
    set(VIRTIO_MMIO_QUEUE_USED_HIGH, 0);
    set(VIRTIO_MMIO_QUEUE_READY, 1);
    ASSERT_EQ(reg(VIRTIO_MMIO_QUEUE_READY), 1u);
    set(VIRTIO_MMIO_STATUS, 1 | 2 | 8 | VIRTIO_CONFIG_S_DRIVER_OK);
  }

  // Header, data, status; the status byte.
  uint8_t request(uint32_t type, uint64_t sector, void* data, uint32_t length, bool to_driver) {
    const uint64_t header = ram_.allocate(16), buffer = ram_.allocate(length + 16),
                   status = ram_.allocate(1);
    *ram_.at<uint32_t>(header) = type;
    *ram_.at<uint64_t>(header + 8) = sector;
    *ram_.at<uint8_t>(status) = 0xee;
    if (!to_driver && length) std::memcpy(ram_.at(buffer), data, length);
    ring_.descriptor(0) = {header, 16, kNext, static_cast<uint16_t>(length ? 1 : 2)};
    ring_.descriptor(1) = {buffer, length, static_cast<uint16_t>(kNext | (to_driver ? kWrite : 0)),
                           2};
    ring_.descriptor(2) = {status, 1, kWrite, 0};
    ring_.make_available(0);
    set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    if (to_driver && length) std::memcpy(data, ram_.at(buffer), length);
    ram_.next = first_free_;
    return *ram_.at<uint8_t>(status);
  }

  FakeMemory ram_;
  FakeRing ring_{ram_, 16};
  const uint64_t first_free_ = ram_.next;
  CountedIrq irq_;
  FaultBackend* fault_ = nullptr;
  std::unique_ptr<VirtioBlk> device_;
  std::unique_ptr<MmioTransport> mmio_;
};

}  // namespace

TEST_F(BlkTest, SaysWhatItIs) {
  EXPECT_EQ(reg(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976u);
  EXPECT_EQ(reg(VIRTIO_MMIO_VERSION), 2u);
  EXPECT_EQ(reg(VIRTIO_MMIO_DEVICE_ID), 2u);
  EXPECT_EQ(mmio_->read(VIRTIO_MMIO_CONFIG, 4) | mmio_->read(VIRTIO_MMIO_CONFIG + 4, 4) << 32,
            kSectors);
  const uint64_t features = offered();
  for (const unsigned bit : {VIRTIO_F_VERSION_1, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_DISCARD,
                             VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_F_MQ, VIRTIO_BLK_F_SEG_MAX,
                             VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_TOPOLOGY, 28, 29})
    EXPECT_TRUE(features >> bit & 1) << bit;
  EXPECT_FALSE(features >> VIRTIO_BLK_F_RO & 1);
  EXPECT_EQ(mmio_->read(VIRTIO_MMIO_CONFIG + 4000, 4), 0u);
}

TEST_F(BlkTest, RefusesFeaturesThatWereNotOffered) {
  set(VIRTIO_MMIO_STATUS, 3);
  set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
  set(VIRTIO_MMIO_DRIVER_FEATURES, 0xffffffff);
  set(VIRTIO_MMIO_STATUS, 3 | VIRTIO_CONFIG_S_FEATURES_OK);
  EXPECT_FALSE(reg(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK);
}

TEST_F(BlkTest, ReadsWritesFlushes) {
  bring_up();
  std::vector<char> data(8192), back(8192);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 3);
  EXPECT_EQ(request(VIRTIO_BLK_T_OUT, 5, data.data(), 8192, false), VIRTIO_BLK_S_OK);
  EXPECT_EQ(irq_.raised, 1u);
  EXPECT_EQ(reg(VIRTIO_MMIO_INTERRUPT_STATUS), 1u);
  set(VIRTIO_MMIO_INTERRUPT_ACK, 1);
  EXPECT_EQ(reg(VIRTIO_MMIO_INTERRUPT_STATUS), 0u);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 5, back.data(), 8192, true), VIRTIO_BLK_S_OK);
  EXPECT_EQ(back, data);
  EXPECT_EQ(ring_.used_len(1), 8193u);
  EXPECT_EQ(request(VIRTIO_BLK_T_FLUSH, 0, nullptr, 0, false), VIRTIO_BLK_S_OK);
  EXPECT_EQ(fault_->flushes, 1u);
}

TEST_F(BlkTest, SerialDiscardZeroes) {
  bring_up();
  char id[20] = {};
  EXPECT_EQ(request(VIRTIO_BLK_T_GET_ID, 0, id, 20, true), VIRTIO_BLK_S_OK);
  EXPECT_STREQ(id, "serial");
  std::vector<char> ones(4096, 1), back(4096);
  ASSERT_EQ(request(VIRTIO_BLK_T_OUT, 8, ones.data(), 4096, false), VIRTIO_BLK_S_OK);
  virtio_blk_discard_write_zeroes range = {.sector = 9, .num_sectors = 2, .flags = 0};
  EXPECT_EQ(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, sizeof range, false), VIRTIO_BLK_S_OK);
  ASSERT_EQ(request(VIRTIO_BLK_T_IN, 8, back.data(), 4096, true), VIRTIO_BLK_S_OK);
  EXPECT_EQ(back[511], 1);
  EXPECT_EQ(back[512], 0);
  EXPECT_EQ(back[1535], 0);
  EXPECT_EQ(back[1536], 1);
  range.flags = 2;
  EXPECT_EQ(request(VIRTIO_BLK_T_DISCARD, 0, &range, sizeof range, false), VIRTIO_BLK_S_UNSUPP);
  range = {.sector = kSectors - 1, .num_sectors = 2, .flags = 0};
  EXPECT_EQ(request(VIRTIO_BLK_T_DISCARD, 0, &range, sizeof range, false), VIRTIO_BLK_S_IOERR);
}

TEST_F(BlkTest, BadRequests) {
  bring_up();
  char data[1024];
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, kSectors - 1, data, 1024, true), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, ~uint64_t{0}, data, 512, true), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 0, data, 100, true), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 0, data, 0, true), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(4711, 0, data, 512, true), VIRTIO_BLK_S_UNSUPP);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, kSectors - 2, data, 1024, true), VIRTIO_BLK_S_OK);
}

TEST_F(BlkTest, ErrorsOfTheBackend) {
  bring_up();
  char data[512] = {};
  fault_->fail_writes = true;
  EXPECT_EQ(request(VIRTIO_BLK_T_OUT, 0, data, 512, false), VIRTIO_BLK_S_IOERR);
  fault_->fail_flushes = true;
  EXPECT_EQ(request(VIRTIO_BLK_T_FLUSH, 0, nullptr, 0, false), VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 0, data, 512, true), VIRTIO_BLK_S_OK);
}

TEST_F(BlkTest, ABrokenRingStopsTheDevice) {
  bring_up();
  ring_.make_available(999);
  set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
  EXPECT_TRUE(reg(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
  EXPECT_EQ(reg(VIRTIO_MMIO_INTERRUPT_STATUS) & 2, 2u);
  // a reset makes it whole
  std::memset(ram_.at(ring_.avail), 0, 6 + 2 * ring_.size);
  std::memset(ram_.at(ring_.used), 0, 6 + 8 * ring_.size);
  ring_.avail_index = 0;
  bring_up();
  char data[512];
  EXPECT_EQ(request(VIRTIO_BLK_T_IN, 0, data, 512, true), VIRTIO_BLK_S_OK);
}

// Anything may be written to the registers and the ring: no harm is done.
TEST_F(BlkTest, RandomRegistersAndRings) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    if (seed % 2) bring_up();
    for (int i = 0; i < 200; ++i) {
      const uint64_t offset = random() % 3 ? (random() % 64) * 4 : random() % 4096;
      const unsigned sizes[] = {1, 2, 4, 8};
      const uint64_t value =
          random() % 2 ? random() % 16 : FakeMemory::kPhys + random() % (2 << 20);
      if (random() % 4 == 0)
        mmio_->read(offset, sizes[random() % 4]);
      else
        mmio_->write(offset, value, random() % 8 ? 4 : sizes[random() % 4]);
      if (random() % 4 == 0)
        ring_.descriptor(random() % 16) = {
            FakeMemory::kPhys + random() % (1 << 20), static_cast<uint32_t>(random() % 5000),
            static_cast<uint16_t>(random() % 8), static_cast<uint16_t>(random() % 17)};
      if (random() % 8 == 0) ring_.make_available(static_cast<uint16_t>(random() % 17));
    }
    set(VIRTIO_MMIO_STATUS, 0);
    std::memset(ram_.bytes.data(), 0, ram_.bytes.size());
    ring_.avail_index = 0;
  }
}
