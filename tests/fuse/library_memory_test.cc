// SPDX-License-Identifier: GPL-2.0
// Buffers of lklfuse in a kernel that runs out of memory in one piece.
#include "library_memory.h"

#include <gtest/gtest.h>
#include <lkl.h>

#include <cstring>
#include <vector>

using lkl::fuse::LibraryMemory;

TEST(LibraryMemory, TheProgramsOwnStandsIn) {
  lkl_host_operations ops = {};
  ASSERT_EQ(lkl_init(&ops), 0);
  ASSERT_EQ(lkl_start_kernel("mem=32M loglevel=0"), 0);
  constexpr std::size_t kSize = 1 << 20;
  {
    std::vector<LibraryMemory> pieces;
    for (int i = 0; i < 40; ++i) {
      pieces.emplace_back(kSize);
      ASSERT_EQ(pieces.back().size(), kSize);
      std::memset(pieces.back().data(), i, kSize);
    }
    EXPECT_TRUE(pieces.front().is_library());
    EXPECT_FALSE(pieces.back().is_library());
    for (int i = 0; i < 40; ++i)
      EXPECT_EQ(pieces[static_cast<std::size_t>(i)].data()[kSize - 1], std::byte(i));
  }
  // all of it went back
  EXPECT_TRUE(LibraryMemory(kSize).is_library());
  EXPECT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
}
