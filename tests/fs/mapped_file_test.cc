// SPDX-License-Identifier: GPL-2.0
// Files that are mapped into the program, on file systems of disks: what is written to memory is
// what is in the file, and comes to the disk.
#include <cstring>
#include <random>
#include <string>
#include <utility>

#include "fs/file_system_test.h"

using namespace lkl_test;

namespace {

constexpr size_t kPage = 4096;

class MappedFileTest : public FileSystemTest {
 protected:
  void SetUp() override {
    FileSystemTest::SetUp();
    if (!is("ntfs3") || kernel_version() >= std::pair(6, 2)) return;
    const int fd = open_file("first");
    if (fd == -LKL_ENOSPC)
      GTEST_SKIP() << "ntfs3 of this kernel makes no files, see docs/limits.md";
    lkl_sys_close(fd);
  }
  static char* map(int fd, size_t size, int flags = LKL_MAP_SHARED, lkl_long offset = 0) {
    void* const memory = lkl_sys_mmap(nullptr, size, LKL_PROT_READ | LKL_PROT_WRITE, flags, fd,
                                      static_cast<lkl_ulong>(offset));
    return reinterpret_cast<lkl_long>(memory) > 0 ? static_cast<char*>(memory) : nullptr;
  }
  static void unmap(char* memory, size_t size) {
    ASSERT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(memory), size), 0);
  }

  // What ntfs3 wrote of a file beyond its initialised size is only kept if a time of the file has
  // changed since it was written last, and times are those of the kernel's ticks.
  static void touch_in_another_tick(int fd) {
    __lkl__kernel_timespec two_ticks = {0, 20'000'000};
    ASSERT_EQ(lkl_sys_nanosleep(&two_ticks, nullptr), 0);
    ASSERT_EQ(lkl_sys_utimensat(fd, nullptr, nullptr, 0), 0);
  }

  void random_operations(unsigned seed, int count);
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, MappedFileTest,
                         ::testing::Values("ext4", "btrfs", "xfs", "f2fs", "ntfs3", "tmpfs"),
                         [](const auto& info) { return std::string(info.param); });

// A page that was written back is clean: what is written to it afterwards must be noticed.
TEST_P(MappedFileTest, ComesToTheDisk) {
  if (!on_disk()) GTEST_SKIP() << "it has no disk";
  int fd = open_file("file");
  ASSERT_EQ(lkl_sys_ftruncate(fd, 64 * kPage), 0);
  char* memory = map(fd, 64 * kPage);
  ASSERT_NE(memory, nullptr);
  std::string model(64 * kPage, 0);
  for (int round = 1; round <= 4; ++round) {
    for (size_t page = 0; page < 64; page += static_cast<size_t>(round))
      memory[page * kPage + static_cast<size_t>(round)] =
          model[page * kPage + static_cast<size_t>(round)] = static_cast<char>(page + 1);
    if (round == 1) {
      ASSERT_EQ(lkl_sys_msync(reinterpret_cast<lkl_ulong>(memory), 64 * kPage, LKL_MS_SYNC), 0);
    } else if (round == 2) {
      ASSERT_EQ(lkl_sys_fsync(fd), 0);
    } else if (round == 3) {
      ASSERT_EQ(lkl_sys_sync(), 0);
    }
  }
  unmap(memory, 64 * kPage);
  lkl_sys_close(fd);
  umount();
  mount();
  fd = open_file("file");
  std::string back(64 * kPage, 1);
  ASSERT_EQ(lkl_sys_read(fd, back.data(), back.size()), static_cast<lkl_long>(back.size()));
  EXPECT_EQ(back, model);
  // and by a mapping of what is not in memory yet
  memory = map(fd, 64 * kPage, LKL_MAP_PRIVATE);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(std::memcmp(memory, model.data(), model.size()), 0);
  unmap(memory, 64 * kPage);
  lkl_sys_close(fd);
}

// Reads, writes, truncations and mappings of one file at random, beside a model of it.
void MappedFileTest::random_operations(unsigned seed, int count) {
  constexpr size_t kMost = 96 * kPage;
  std::mt19937 random(seed);
  const int fd = open_file("model");
  ASSERT_GE(fd, 0);
  std::string model;
  for (int i = 0; i < count; ++i) {
    const std::string where = "seed " + std::to_string(seed) + " step " + std::to_string(i);
    const size_t offset = random() % kMost;
    const size_t length = std::min(1 + random() % 20000, kMost - offset);
    const auto byte = static_cast<char>(random());
    switch (random() % 10) {
      case 0:
        ASSERT_EQ(lkl_sys_ftruncate(fd, static_cast<lkl_long>(offset)), 0) << where;
        model.resize(offset);
        break;
      case 1:
      case 2: {
        const std::string data(length, byte);
        ASSERT_EQ(lkl_sys_pwrite64(fd, data.data(), length, static_cast<lkl_loff_t>(offset)),
                  static_cast<lkl_long>(length))
            << where;
        if (model.size() < offset + length) model.resize(offset + length);
        model.replace(offset, length, data);
        break;
      }
      case 3:
      case 4: {
        std::string back(length, 1);
        const size_t want = offset >= model.size() ? 0 : std::min(length, model.size() - offset);
        ASSERT_EQ(lkl_sys_pread64(fd, back.data(), length, static_cast<lkl_loff_t>(offset)),
                  static_cast<lkl_long>(want))
            << where;
        ASSERT_EQ(back.compare(0, want, model, std::min(offset, model.size()), want), 0) << where;
        break;
      }
      case 5:
        if (random() % 8 == 0) {
          ASSERT_EQ(lkl_sys_fsync(fd), 0) << where;
        }
        break;
      default: {
        if (offset >= model.size()) break;
        const size_t first = offset & ~(kPage - 1);
        const size_t end = std::min(offset + length, model.size());
        const bool own = random() % 4 == 0;
        char* const memory = map(fd, end - first, own ? LKL_MAP_PRIVATE : LKL_MAP_SHARED,
                                 static_cast<lkl_long>(first));
        ASSERT_NE(memory, nullptr) << where;
        ASSERT_EQ(std::memcmp(memory, model.data() + first, end - first), 0) << where;
        std::memset(memory + (offset - first), byte, end - offset);
        if (!own) model.replace(offset, end - offset, end - offset, byte);
        if (random() % 4 == 0) {
          ASSERT_EQ(lkl_sys_msync(reinterpret_cast<lkl_ulong>(memory), end - first, LKL_MS_SYNC), 0)
              << where;
          // clean now
          std::memset(memory + (offset - first), byte + 1, end - offset);
          if (!own) model.replace(offset, end - offset, end - offset, static_cast<char>(byte + 1));
        }
        unmap(memory, end - first);
      }
    }
  }
  if (is("ntfs3")) touch_in_another_tick(fd);
  lkl_sys_close(fd);
  if (image_) {
    umount();
    mount();
  }
  const int again = open_file("model");
  std::string back(kMost, 1);
  ASSERT_EQ(lkl_sys_read(again, back.data(), back.size()), static_cast<lkl_long>(model.size()));
  back.resize(model.size());
  EXPECT_EQ(back, model) << "seed " << seed;
  lkl_sys_close(again);
}

TEST_P(MappedFileTest, RandomOperationsAgainstAModel) {
  random_operations(20260, 3000);
}

TEST_P(MappedFileTest, SlowRandomOperationsAgainstAModel) {
  const unsigned seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  random_operations(seed, 100000);
}

// More is mapped than there is memory: pages go and come.
TEST_P(MappedFileTest, IsLargerThanTheMemory) {
  if (!on_disk()) GTEST_SKIP() << "it is the memory";
  constexpr size_t kSize = 160 << 20;  // mem=128M
  const int fd = open_file("large");
  ASSERT_EQ(lkl_sys_ftruncate(fd, kSize), 0);
  char* const memory = map(fd, kSize);
  ASSERT_NE(memory, nullptr);
  for (size_t at = 0; at < kSize; at += kPage)
    *reinterpret_cast<size_t*>(memory + at) = at * 0x9e3779b97f4a7c15;
  size_t wrong = 0;
  for (size_t at = 0; at < kSize; at += kPage)
    wrong += *reinterpret_cast<size_t*>(memory + at) != at * 0x9e3779b97f4a7c15;
  EXPECT_EQ(wrong, 0u);
  unmap(memory, kSize);
  lkl_sys_close(fd);
}
