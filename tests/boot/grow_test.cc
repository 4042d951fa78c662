// SPDX-License-Identifier: GPL-2.0
// mem= is a ceiling: what is below it costs nothing until it is used, and can all be used.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/kernel_test.h"
#include "support/sanitizers.h"

using lkl_test::in_child;
using lkl_test::KernelTest;
using lkl_test::read_kernel_file;

namespace {

constexpr size_t kBlock = 64 << 10;
constexpr const char* kNoGrowth = "this version of Linux has all memory from the boot on";
constexpr long kDoesNotGrow = -2;

// arch/lkl/Kconfig, DEFERRED_STRUCT_PAGE_INIT. Of the kernel that runs.
bool kernel_grows() {
  lkl_new_utsname name = {};
  int major = 0, minor = 0;
  if (lkl_sys_uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2)
    return true;
  const int version = major * 1000 + minor;
  return version >= 6010 && version < 6015;
}

// The number behind a word, in a text of such lines; -1 if there is none.
long number_after(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    long number;
    if (words >> name >> number && name == word) return number;
  }
  return -1;
}

// KiB that this process has written: of its own memory and of files without a name. What is dirty
// of the library's own file was written by who built it.
long written_kib() {
  std::ifstream maps("/proc/self/smaps");
  long kib = 0;
  bool counts = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ') && line.find(':') > line.find('-'))
      counts = line.find('/') == std::string::npos || line.find("/memfd:") != std::string::npos;
    else if (counts)
      kib += std::max(0L, number_after(line, "Private_Dirty:")) +
             std::max(0L, number_after(line, "Shared_Dirty:"));
  }
  return kib;
}

long meminfo(const char* word) {
  return number_after(read_kernel_file("/proc/meminfo"), word);
}

// KiB in the lists of the page allocator: it has that, whatever it counts as free.
long listed_kib() {
  std::istringstream words(read_kernel_file("/proc/buddyinfo"));
  std::string word;
  for (int i = 0; i < 4; ++i) words >> word;  // Node 0, zone Normal
  long kib = 0, blocks;
  for (int order = 0; words >> blocks; ++order) kib += blocks * 4 << order;
  return kib;
}

// Different in each word of each block, whatever the block's number.
void fill(std::vector<uint64_t>& block, uint64_t number) {
  for (size_t i = 0; i < block.size(); ++i) block[i] = (number << 32) + i + 1;
}

// Blocks of a file, from a number on, until there are so many. False if one can't be written.
bool write_blocks(int fd, uint64_t first, uint64_t end) {
  std::vector<uint64_t> block(kBlock / sizeof(uint64_t));
  for (uint64_t number = first; number < end; ++number) {
    fill(block, number);
    if (lkl_sys_pwrite64(fd, reinterpret_cast<char*>(block.data()), kBlock,
                         static_cast<long>(number * kBlock)) != static_cast<long>(kBlock))
      return false;
  }
  return true;
}

bool blocks_are_right(int fd, uint64_t end) {
  std::vector<uint64_t> wanted(kBlock / sizeof(uint64_t)), got(wanted.size());
  for (uint64_t number = 0; number < end; ++number) {
    fill(wanted, number);
    if (lkl_sys_pread64(fd, reinterpret_cast<char*>(got.data()), kBlock,
                        static_cast<long>(number * kBlock)) != static_cast<long>(kBlock) ||
        got != wanted)
      return false;
  }
  return true;
}

// In a process of its own, what a boot with so much memory writes to in all; -1: it does not boot;
// or kDoesNotGrow.
long written_by_boot(const char* mem) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  in_child([&] {
    lkl_host_operations silent = {};
    long kib = -1;
    if (lkl_init(&silent) == 0 && lkl_start_kernel("mem=%s loglevel=0", mem) == 0)
      kib = kernel_grows() ? written_kib() : kDoesNotGrow;
    return write(ends[1], &kib, sizeof kib) == sizeof kib ? 0 : 1;
  });
  close(ends[1]);
  long kib = -1;
  if (read(ends[0], &kib, sizeof kib) != sizeof kib) kib = -1;
  close(ends[0]);
  return kib;
}

class GrowTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    char proc[] = "proc";
    ASSERT_EQ(lkl_mount_fs(proc), 0);
    ASSERT_GT(meminfo("MemTotal:"), 0);
    if (!kernel_grows()) GTEST_SKIP() << kNoGrowth;
  }
};

}  // namespace

TEST(Grow, ACeilingCostsNothing) {
  if (lkl_test::kAddressSanitizer || lkl_test::kThreadSanitizer)
    GTEST_SKIP() << "sanitizers keep accounts of all memory there is";
  const long little = written_by_boot("512M"), much = written_by_boot("8G");
  if (little == kDoesNotGrow) GTEST_SKIP() << kNoGrowth;
  ASSERT_GT(little, 0);
  ASSERT_GT(much, 0);
  std::printf("written by a boot: %ld KiB with 512M, %ld KiB with 8G\n", little, much);
  // Descriptors, 64 bytes of each page, would be 120 MiB more. They are with lockdep, whose
  // DEBUG_VM writes to all of them, and nothing else is.
  const long descriptors = lkl_test::kLockdep ? (8192 - 512) * 1024 / 64 : 0;
  EXPECT_LT(much, little + descriptors + 1024);
}

TEST_F(GrowTest, WhatIsStillToComeCountsAsFree) {
  const long total = meminfo("MemTotal:");
  // it does not have it: a page of the allocator's is one that has a descriptor
  EXPECT_LT(listed_kib(), total / 2);
  EXPECT_GT(meminfo("MemFree:"), total * 3 / 4);
  EXPECT_GT(meminfo("MemAvailable:"), total * 3 / 4);
  // writers wait from there on: a fifth of what could be had
  const long threshold = number_after(read_kernel_file("/proc/vmstat"), "nr_dirty_threshold");
  EXPECT_GT(threshold * 4, total * 15 / 100);
}

TEST_F(GrowTest, EachPageUpToTheCeilingIsUsable) {
  const long before = listed_kib();
  // what is left is a piece as large as it gets at once: there are no file systems on disks here
  // that could give pages back
  const auto blocks = static_cast<uint64_t>(meminfo("MemFree:") - 4096) * 1024 / kBlock;
  const int fd = static_cast<int>(lkl_sys_open("/much", LKL_O_CREAT | LKL_O_RDWR, 0644));
  ASSERT_GE(fd, 0);
  ASSERT_TRUE(write_blocks(fd, 0, blocks));
  EXPECT_GT(static_cast<long>(blocks * kBlock / 1024), before * 2) << "no growth was needed";
  EXPECT_TRUE(blocks_are_right(fd, blocks));
  ASSERT_EQ(lkl_sys_unlink("/much"), 0);
  ASSERT_EQ(lkl_sys_close(fd), 0);
  // it has all of it now, but for that piece at most, and counts none that it has not
  EXPECT_NEAR(static_cast<double>(meminfo("MemFree:")), static_cast<double>(listed_kib()), 5120);
}

TEST_F(GrowTest, AForkGrowsOnItsOwn) {
  const int fd = static_cast<int>(lkl_sys_open("/much", LKL_O_CREAT | LKL_O_RDWR, 0644));
  ASSERT_GE(fd, 0);
  const uint64_t mebibyte = (1 << 20) / kBlock;
  ASSERT_TRUE(write_blocks(fd, 0, 32 * mebibyte));
  EXPECT_EQ(in_child([&] {
              if (!blocks_are_right(fd, 32 * mebibyte)) return 1;
              if (!write_blocks(fd, 32 * mebibyte, 80 * mebibyte)) return 2;
              if (!blocks_are_right(fd, 80 * mebibyte)) return 3;
              return lkl_sys_halt() == 0 ? 0 : 4;
            }),
            0);
  ASSERT_TRUE(write_blocks(fd, 32 * mebibyte, 64 * mebibyte));
  EXPECT_TRUE(blocks_are_right(fd, 64 * mebibyte));
  lkl_sys_close(fd);
}

TEST(Grow, EachBootBeginsWithLittle) {
  lkl_host_operations silent = {};
  for (int boot = 0; boot < 3; ++boot) {
    ASSERT_EQ(lkl_init(&silent), 0);
    ASSERT_EQ(lkl_start_kernel("mem=256M loglevel=0"), 0);
    char proc[] = "proc";
    ASSERT_EQ(lkl_mount_fs(proc), 0);
    if (kernel_grows()) {
      EXPECT_LT(listed_kib(), 64 << 10) << "boot " << boot;
    }
    const int fd = static_cast<int>(lkl_sys_open("/much", LKL_O_CREAT | LKL_O_RDWR, 0644));
    ASSERT_GE(fd, 0);
    EXPECT_TRUE(write_blocks(fd, 0, (96 << 20) / kBlock));
    EXPECT_TRUE(blocks_are_right(fd, (96 << 20) / kBlock));
    ASSERT_EQ(lkl_sys_halt(), 0);
    lkl_cleanup();
  }
}
