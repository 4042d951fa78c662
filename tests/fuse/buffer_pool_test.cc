// SPDX-License-Identifier: GPL-2.0
// Buffers of lklfuse in a kernel that runs out of memory in one piece.
#include "buffer_pool.h"

#include <gtest/gtest.h>
#include <lkl.h>
#include <lkl/asm/mman.h>

#include <cstring>
#include <string>
#include <vector>

using lkl::fuse::BufferPool;

namespace {

constexpr std::size_t kSize = (1 << 20) + 8192;

std::string console;

void* map_some() {
  return lkl_sys_mmap(nullptr, 64 << 10, LKL_PROT_READ | LKL_PROT_WRITE,
                      LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
}

bool is_error(const void* address) {
  const auto number = reinterpret_cast<lkl_long>(address);
  return number < 0 && number > -4096;
}

}  // namespace

class BufferPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    console.clear();
    ops_.print = [](const char* text, int size) {
      console.append(text, static_cast<std::size_t>(size));
    };
    ASSERT_EQ(lkl_init(&ops_), 0);
    ASSERT_EQ(lkl_start_kernel("mem=32M"), 0);
  }
  void TearDown() override {
    EXPECT_EQ(lkl_sys_halt(), 0);
    lkl_cleanup();
  }

 private:
  lkl_host_operations ops_ = {};
};

TEST_F(BufferPoolTest, TheProgramsOwnStandsIn) {
  BufferPool pool(3, kSize);
  for (int round = 0; round < 2; ++round) {
    std::vector<BufferPool::Buffer> taken;
    for (int i = 0; i < 20; ++i) {
      taken.push_back(pool.take());
      EXPECT_EQ(taken.back().is_library(), i < 3);
      std::memset(taken.back().data(), i, kSize);
    }
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(taken[static_cast<std::size_t>(i)].data()[kSize - 1], std::byte(i));
  }
  EXPECT_TRUE(pool.take().is_library());
}

TEST_F(BufferPoolTest, WantsNothingOfAKernelWithoutMemory) {
  BufferPool pool(2, kSize);
  std::vector<void*> pieces;
  for (void* piece = map_some(); !is_error(piece); piece = map_some()) pieces.push_back(piece);
  ASSERT_GT(pieces.size() * (64 << 10), 8 << 20);
  console.clear();
  {
    const BufferPool::Buffer one = pool.take(), two = pool.take(), other = pool.take();
    EXPECT_TRUE(one.is_library());
    EXPECT_TRUE(two.is_library());
    EXPECT_FALSE(other.is_library());
  }
  EXPECT_EQ(console, "");
  for (void* piece : pieces) lkl_sys_munmap(reinterpret_cast<lkl_ulong>(piece), 64 << 10);
}

TEST_F(BufferPoolTest, AsManyAsThereAre) {
  for (int round = 0; round < 2; ++round) {  // all of it went back
    BufferPool pool(100, kSize);
    std::vector<BufferPool::Buffer> taken;
    do taken.push_back(pool.take());
    while (taken.back().is_library());
    EXPECT_GT(taken.size(), 8u);
    EXPECT_LT(taken.size(), 32u);
  }
}

TEST(BufferPool, SmallBesideTheMemory) {
  for (const std::uint64_t memory : {32ULL << 20, 64ULL << 20, 128ULL << 20, 1ULL << 30})
    for (const unsigned threads : {1U, 10U, 1000U}) {
      const std::size_t count = BufferPool::count_for(memory, threads);
      EXPECT_GE(count, 1u);
      EXPECT_LE(count, threads);
      EXPECT_LE(count * kSize, memory / 15);
    }
}
