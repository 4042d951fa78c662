// SPDX-License-Identifier: GPL-2.0
// The longest chains, and queues that are stopped and started.
#include "virtio/queue.h"

#include <array>

#include <gtest/gtest.h>

#include "unit/fake_driver.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;

class VirtQueueTest : public ::testing::Test {
 protected:
  static constexpr unsigned kSize = VirtQueue::kMaxSize;

  bool start() {
    ring_.avail_index = 0;
    ram_.at<uint16_t>(ring_.avail)[1] = 0;
    return queue_.start({.size = ring_.size,
                         .descriptors = ring_.desc,
                         .driver = ring_.avail,
                         .device = ring_.used},
                        {.event_index = false, .indirect = true});
  }
  // A table of so many bytes, of one byte each, the last writable.
  void fill(Desc* table, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
      table[i] = {data_ + i, 1, i + 1 < count ? kNext : kWrite, static_cast<uint16_t>(i + 1)};
  }

  FakeMemory ram_;
  FakeRing ring_{ram_, kSize};
  const uint64_t data_ = ram_.allocate(1024);
  const uint64_t table_ = ram_.allocate(16 * 512);
  VirtQueue queue_{ram_.memory};
  std::array<lkl::host::IoVec, VirtQueue::kMaxChain> room_;
  Chain chain_;
};

}  // namespace

TEST_F(VirtQueueTest, AChainOfTheWholeRing) {
  ASSERT_TRUE(start());
  fill(&ring_.descriptor(0), kSize);
  ring_.make_available(0);
  ASSERT_TRUE(queue_.pop(room_, chain_));
  EXPECT_EQ(chain_.readable.size(), kSize - 1);
  ASSERT_EQ(chain_.writable.size(), 1u);
  EXPECT_EQ(chain_.writable[0].base, ram_.at(data_ + kSize - 1));
}

TEST_F(VirtQueueTest, TheLongestIndirectTable) {
  for (const unsigned count : {VirtQueue::kMaxChain, VirtQueue::kMaxChain + 1}) {
    ASSERT_TRUE(start());
    fill(ram_.at<Desc>(table_), count);
    ring_.descriptor(0) = {table_, 16 * count, kIndirect, 0};
    ring_.make_available(0);
    EXPECT_EQ(queue_.pop(room_, chain_), count == VirtQueue::kMaxChain);
    EXPECT_EQ(queue_.broken(), count != VirtQueue::kMaxChain);
  }
}

// Both kinds in one chain, and together too long: 8 and 251 are more than 258.
TEST_F(VirtQueueTest, ATableAtTheEndOfAChain) {
  for (const unsigned inside : {250u, 251u}) {
    ASSERT_TRUE(start());
    fill(ram_.at<Desc>(table_), inside);
    fill(&ring_.descriptor(0), 9);
    ring_.descriptor(8) = {table_, 16 * inside, kIndirect, 0};
    ring_.make_available(0);
    ASSERT_EQ(queue_.pop(room_, chain_), inside == 250);
    if (inside == 250) {
      EXPECT_EQ(chain_.readable.size(), 257u);
    }
  }
}

TEST_F(VirtQueueTest, StoppedAndStarted) {
  EXPECT_FALSE(queue_.ready());
  EXPECT_TRUE(queue_.empty());
  EXPECT_FALSE(queue_.push(0, 0));
  ASSERT_TRUE(start());
  fill(&ring_.descriptor(0), 2);
  EXPECT_TRUE(queue_.empty());
  ring_.make_available(0);
  EXPECT_FALSE(queue_.empty());
  queue_.stop();
  EXPECT_TRUE(queue_.empty());
  EXPECT_FALSE(queue_.pop(room_, chain_));
  EXPECT_FALSE(queue_.push(0, 0));
  EXPECT_EQ(ring_.used_index(), 0);
  ASSERT_TRUE(start());
  ring_.make_available(0);
  EXPECT_TRUE(queue_.pop(room_, chain_));
}

TEST_F(VirtQueueTest, GivenUp) {
  ASSERT_TRUE(start());
  fill(&ring_.descriptor(0), 2);
  ring_.make_available(0);
  queue_.give_up();
  EXPECT_TRUE(queue_.broken());
  EXPECT_FALSE(queue_.pop(room_, chain_));
  EXPECT_FALSE(queue_.push(0, 0));
  EXPECT_EQ(ring_.used_index(), 0);
  ASSERT_TRUE(start());
  ring_.make_available(0);
  EXPECT_TRUE(queue_.pop(room_, chain_));
}
