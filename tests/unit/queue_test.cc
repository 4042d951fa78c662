// SPDX-License-Identifier: GPL-2.0
#include "virtio/queue.h"

#include <array>
#include <random>

#include <gtest/gtest.h>

#include "unit/fake_driver.h"

namespace {

using namespace lkl::host;
using namespace lkl_test;

class QueueTest : public ::testing::Test {
 protected:
  void start(VirtQueue::Features features = {}) {
    ASSERT_TRUE(queue_.start({.size = ring_.size,
                              .descriptors = ring_.desc,
                              .driver = ring_.avail,
                              .device = ring_.used},
                             features));
  }

  FakeMemory ram_;
  FakeRing ring_{ram_, 8};
  VirtQueue queue_{ram_.memory};
  std::array<lkl::host::IoVec, VirtQueue::kMaxChain> room_;
  Chain chain_;
};

}  // namespace

TEST_F(QueueTest, WalksAChain) {
  start();
  const uint64_t data = ram_.allocate(300);
  ring_.descriptor(3) = {data, 16, kNext, 5};
  ring_.descriptor(5) = {data + 16, 100, kNext | kWrite, 1};
  ring_.descriptor(1) = {data + 200, 1, kWrite, 0};
  EXPECT_FALSE(queue_.pop(room_, chain_));
  ring_.make_available(3);
  ASSERT_TRUE(queue_.pop(room_, chain_));
  EXPECT_EQ(chain_.head, 3);
  ASSERT_EQ(chain_.readable.size(), 1u);
  ASSERT_EQ(chain_.writable.size(), 2u);
  EXPECT_EQ(chain_.readable[0].base, ram_.at(data));
  EXPECT_EQ(chain_.writable[0].size, 100u);
  EXPECT_EQ(chain_.writable[1].base, ram_.at(data + 200));
  EXPECT_FALSE(queue_.pop(room_, chain_));
  EXPECT_TRUE(queue_.push(3, 77));
  EXPECT_EQ(ring_.used_index(), 1);
  EXPECT_EQ(ring_.used_id(0), 3u);
  EXPECT_EQ(ring_.used_len(0), 77u);
}

TEST_F(QueueTest, IndexesWrap) {
  start();
  const uint64_t data = ram_.allocate(16);
  for (unsigned i = 0; i < 70000; ++i) {
    ring_.descriptor(i % 8) = {data, 16, 0, 0};
    ring_.make_available(i % 8);
    ASSERT_TRUE(queue_.pop(room_, chain_));
    ASSERT_EQ(chain_.head, i % 8);
    queue_.push(chain_.head, 0);
    ASSERT_EQ(ring_.used_index(), static_cast<uint16_t>(i + 1));
  }
}

TEST_F(QueueTest, IndirectOnlyIfAgreed) {
  const uint64_t table = ram_.allocate(16 * 4), data = ram_.allocate(64);
  ram_.at<Desc>(table)[0] = {data, 16, kNext, 2};
  ram_.at<Desc>(table)[2] = {data + 16, 8, kWrite, 0};
  ring_.descriptor(0) = {table, 16 * 4, kIndirect, 0};
  start({.indirect = true});
  ring_.make_available(0);
  ASSERT_TRUE(queue_.pop(room_, chain_));
  EXPECT_EQ(chain_.readable.size(), 1u);
  EXPECT_EQ(chain_.writable.size(), 1u);

  FakeRing other(ram_, 8);
  VirtQueue plain(ram_.memory);
  ASSERT_TRUE(plain.start(
      {.size = 8, .descriptors = other.desc, .driver = other.avail, .device = other.used}, {}));
  other.descriptor(0) = {table, 16 * 4, kIndirect, 0};
  other.make_available(0);
  EXPECT_FALSE(plain.pop(room_, chain_));
  EXPECT_TRUE(plain.broken());
}

TEST_F(QueueTest, InterruptsByFlag) {
  start();
  EXPECT_TRUE(queue_.push(0, 0));
  ring_.avail_flags() = 1;
  EXPECT_FALSE(queue_.push(1, 0));
  queue_.disable_notifications();
  EXPECT_EQ(ring_.used_flags(), 1);
  EXPECT_TRUE(queue_.enable_notifications());
  EXPECT_EQ(ring_.used_flags(), 0);
}

TEST_F(QueueTest, InterruptsByEventIndex) {
  start({.event_index = true});
  ring_.used_event() = 2;  // wants to know of the third
  EXPECT_FALSE(queue_.push(0, 0));
  EXPECT_FALSE(queue_.push(1, 0));
  EXPECT_TRUE(queue_.push(2, 0));
  EXPECT_FALSE(queue_.push(3, 0));
  ring_.used_event() = 4;
  EXPECT_TRUE(queue_.push(4, 0));
}

TEST_F(QueueTest, EventIndexAcrossTheWrap) {
  start({.event_index = true});
  unsigned interrupts = 0;
  for (unsigned i = 0; i < 70000; ++i) {
    ring_.used_event() = static_cast<uint16_t>(i | 3);  // each fourth
    interrupts += queue_.push(0, 0);
  }
  EXPECT_EQ(interrupts, 70000u / 4);
}

TEST_F(QueueTest, NotificationsAreNotLost) {
  start({.event_index = true});
  const uint64_t data = ram_.allocate(16);
  ring_.descriptor(0) = {data, 16, 0, 0};
  queue_.disable_notifications();
  ring_.make_available(0);
  EXPECT_FALSE(queue_.enable_notifications());  // there is something: look again
  EXPECT_TRUE(queue_.pop(room_, chain_));
  EXPECT_TRUE(queue_.enable_notifications());
  EXPECT_EQ(ring_.avail_event(), 1);
}

TEST_F(QueueTest, RefusesBadLayouts) {
  const VirtQueue::Layout good = {
      .size = 8, .descriptors = ring_.desc, .driver = ring_.avail, .device = ring_.used};
  for (const uint16_t size : {uint16_t{0}, uint16_t{3}, uint16_t{512}}) {
    VirtQueue::Layout bad = good;
    bad.size = size;
    EXPECT_FALSE(queue_.start(bad, {})) << size;
  }
  for (const uint64_t address :
       {uint64_t{0}, FakeMemory::kPhys - 16, FakeMemory::kPhys + ram_.bytes.size() - 16,
        ~uint64_t{15}, ring_.desc + 1}) {
    VirtQueue::Layout bad = good;
    bad.descriptors = address;
    EXPECT_FALSE(queue_.start(bad, {})) << address;
    EXPECT_TRUE(queue_.broken());
  }
  EXPECT_TRUE(queue_.start(good, {}));
}

TEST_F(QueueTest, HostileChains) {
  const uint64_t data = ram_.allocate(64);
  const auto breaks = [&](auto prepare) {
    start({.indirect = true});
    ring_.avail_index = 0;
    prepare();
    ring_.make_available(0);
    EXPECT_FALSE(queue_.pop(room_, chain_));
    EXPECT_TRUE(queue_.broken());
    EXPECT_FALSE(queue_.pop(room_, chain_));
  };
  // a loop; a head, and a next, out of range; a wild address; a length over the end
  breaks([&] { ring_.descriptor(0) = {data, 1, kNext, 0}; });
  breaks([&] { ring_.descriptor(0) = {data, 1, kNext, 8}; });
  breaks([&] { ring_.descriptor(0) = {0, 1, 0, 0}; });
  breaks([&] { ring_.descriptor(0) = {data, 0xffffffff, 0, 0}; });
  breaks([&] { ring_.descriptor(0) = {~uint64_t{0}, 2, 0, 0}; });
  // readable after writable
  breaks([&] {
    ring_.descriptor(0) = {data, 1, kNext | kWrite, 1};
    ring_.descriptor(1) = {data, 1, 0, 0};
  });
  // indirect in indirect, of odd length, empty, with a successor
  breaks([&] {
    ram_.at<Desc>(data)[0] = {data, 16, kIndirect, 0};
    ring_.descriptor(0) = {data, 16, kIndirect, 0};
  });
  breaks([&] { ring_.descriptor(0) = {data, 17, kIndirect, 0}; });
  breaks([&] { ring_.descriptor(0) = {data, 0, kIndirect, 0}; });
  breaks([&] { ring_.descriptor(0) = {data, 16, kIndirect | kNext, 1}; });
  // more available than there are elements
  start();
  ram_.at<uint16_t>(ring_.avail)[1] = 9;
  EXPECT_FALSE(queue_.pop(room_, chain_));
  EXPECT_TRUE(queue_.broken());
}

// Random rings: whatever they say, all that comes out lies in the memory.
TEST_F(QueueTest, RandomRingsStayInBounds) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    std::mt19937 random(seed);
    start({.event_index = seed % 2 == 0, .indirect = seed % 3 != 0});
    const auto* end = reinterpret_cast<std::byte*>(ram_.at(ring_.used));
    for (std::byte* byte = ram_.bytes.data(); byte < end; ++byte)
      *byte = static_cast<std::byte>(random());
    for (unsigned i = 0; i < ring_.size; ++i)
      if (random() % 2)
        ring_.descriptor(i) = {
            FakeMemory::kPhys + random() % (1 << 20), static_cast<uint32_t>(random() % 100000),
            static_cast<uint16_t>(random() % 8), static_cast<uint16_t>(random() % 9)};
    ram_.at<uint16_t>(ring_.avail)[1] = static_cast<uint16_t>(random() % 10);
    for (unsigned pops = 0; pops < 20 && queue_.pop(room_, chain_); ++pops) {
      for (const auto part : {chain_.readable, chain_.writable})
        for (const lkl::host::IoVec& piece : part) {
          auto* start = static_cast<std::byte*>(piece.base);
          ASSERT_GE(start, ram_.bytes.data()) << "seed " << seed;
          ASSERT_LE(start + piece.size, ram_.bytes.data() + ram_.bytes.size()) << "seed " << seed;
        }
      queue_.push(chain_.head, 0);
    }
  }
}
