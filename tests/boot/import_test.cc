// SPDX-License-Identifier: GPL-2.0
// The program's own memory, as pages of a kernel with page tables.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kSize = 100 * kPage;

class ImportTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    memory_ = static_cast<char*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory_, MAP_FAILED);
    for (size_t i = 0; i < kSize; ++i) memory_[i] = content_of(i);
  }
  void TearDown() override {
    KernelTest::TearDown();
    munmap(memory_, kSize);
  }

  static char content_of(size_t i) { return static_cast<char>(i * 2654435761 >> 13); }
  bool has_its_content() const {
    for (size_t i = 0; i < kSize; ++i)
      if (memory_[i] != content_of(i)) return false;
    return true;
  }

  // From the memory into a pipe of the kernel, by its pages.
  lkl_long splice(const char* from, size_t size) {
    int ends[2];
    EXPECT_EQ(lkl_sys_pipe2(ends, 0), 0);
    const lkl_iovec piece = {const_cast<char*>(from), size};
    const lkl_long given = lkl_sys_vmsplice(ends[1], &piece, 1, 0);
    if (given > 0) {
      std::string back(static_cast<size_t>(given), 0);
      EXPECT_EQ(lkl_sys_read(ends[0], back.data(), back.size()), given);
      EXPECT_EQ(std::memcmp(back.data(), from, back.size()), 0);
    }
    lkl_sys_close(ends[0]);
    lkl_sys_close(ends[1]);
    return given;
  }

  char* memory_ = nullptr;
};

}  // namespace

TEST_F(ImportTest, ItsPagesCanBeHad) {
  EXPECT_EQ(splice(memory_, 4 * kPage), -LKL_EFAULT);
  ASSERT_EQ(lkl_memory_import(memory_, kSize), 0);
  EXPECT_TRUE(has_its_content());
  EXPECT_EQ(splice(memory_, 4 * kPage), static_cast<lkl_long>(4 * kPage));
  EXPECT_EQ(splice(memory_ + 7 * kPage + 100, 2 * kPage), static_cast<lkl_long>(2 * kPage));
  // no further than it goes
  EXPECT_EQ(splice(memory_ + kSize - kPage, kPage), static_cast<lkl_long>(kPage));
  ASSERT_EQ(lkl_memory_release(memory_, kSize), 0);
  EXPECT_TRUE(has_its_content());
  EXPECT_EQ(splice(memory_, 4 * kPage), -LKL_EFAULT);
}

TEST_F(ImportTest, IsMemoryForAll) {
  ASSERT_EQ(lkl_memory_import(memory_, kSize), 0);
  int host[2], kernel[2];
  ASSERT_EQ(pipe(host), 0);
  ASSERT_EQ(lkl_sys_pipe2(kernel, 0), 0);
  ASSERT_EQ(write(host[1], "by the host", 11), 11);
  ASSERT_EQ(read(host[0], memory_ + 5 * kPage - 4, 11), 11);
  ASSERT_EQ(lkl_sys_write(kernel[1], memory_ + 5 * kPage - 4, 11), 11);
  ASSERT_EQ(lkl_sys_read(kernel[0], memory_ + 9 * kPage, 11), 11);
  EXPECT_EQ(std::string(memory_ + 9 * kPage, 11), "by the host");
  close(host[0]);
  close(host[1]);
  ASSERT_EQ(lkl_memory_release(memory_, kSize), 0);
  EXPECT_EQ(std::string(memory_ + 9 * kPage, 11), "by the host");
}

TEST_F(ImportTest, WhatCannotBe) {
  EXPECT_EQ(lkl_memory_import(memory_ + 1, kPage), -LKL_EINVAL);
  EXPECT_EQ(lkl_memory_import(memory_, kPage + 1), -LKL_EINVAL);
  EXPECT_EQ(lkl_memory_import(memory_, 0), -LKL_EINVAL);
  EXPECT_EQ(lkl_memory_import(memory_, ~lkl_ulong{kPage - 1}), -LKL_EINVAL);
  void* const mapped = lkl_sys_mmap(nullptr, kPage, LKL_PROT_READ | LKL_PROT_WRITE,
                                    LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
  EXPECT_EQ(lkl_memory_import(mapped, kPage), -LKL_EINVAL) << "the kernel's already";
  ASSERT_EQ(lkl_memory_import(memory_ + 10 * kPage, 10 * kPage), 0);
  EXPECT_EQ(lkl_memory_import(memory_, kSize), -LKL_EEXIST);
  EXPECT_EQ(lkl_memory_import(memory_ + 19 * kPage, kPage), -LKL_EEXIST);
  EXPECT_EQ(lkl_memory_release(memory_ + 10 * kPage, kPage), -LKL_EINVAL);
  EXPECT_EQ(lkl_memory_release(memory_ + 11 * kPage, 10 * kPage), -LKL_EINVAL);
  EXPECT_EQ(lkl_memory_release(memory_, kSize), -LKL_EINVAL);
  EXPECT_EQ(lkl_memory_release(memory_ + 10 * kPage, 10 * kPage), 0);
  EXPECT_EQ(lkl_memory_release(memory_ + 10 * kPage, 10 * kPage), -LKL_EINVAL);
  ASSERT_EQ(mprotect(memory_ + 50 * kPage, kPage, PROT_NONE), 0);
  EXPECT_EQ(lkl_memory_import(memory_, kSize), -LKL_EFAULT);
  ASSERT_EQ(mprotect(memory_ + 50 * kPage, kPage, PROT_READ | PROT_WRITE), 0);
  EXPECT_TRUE(has_its_content());
}

// An error, and neither the end of the kernel nor a part of it.
TEST_F(ImportTest, MoreThanThereIs) {
  constexpr size_t kLarge = 16 << 20;
  constexpr size_t kTooLarge = size_t{1} << 32;
  void* const too_large = mmap(nullptr, kTooLarge, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(too_large, MAP_FAILED);
  EXPECT_EQ(lkl_memory_import(too_large, kTooLarge), -LKL_ENOMEM);
  munmap(too_large, kTooLarge);
  std::vector<void*> pieces;
  int error = 0;
  while (!error && pieces.size() < 1024) {
    void* const piece =
        mmap(nullptr, kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(piece, MAP_FAILED);
    error = lkl_memory_import(piece, kLarge);
    if (error)
      munmap(piece, kLarge);
    else
      pieces.push_back(piece);
  }
  EXPECT_EQ(error, -LKL_ENOMEM);
  EXPECT_GT(pieces.size(), 1u);
  for (void* piece : pieces) {
    EXPECT_EQ(lkl_memory_release(piece, kLarge), 0);
    munmap(piece, kLarge);
  }
  EXPECT_EQ(lkl_memory_import(memory_, kSize), 0);
  EXPECT_EQ(lkl_memory_release(memory_, kSize), 0);
}

TEST_F(ImportTest, AForkedChildHasItsOwn) {
  ASSERT_EQ(lkl_memory_import(memory_, kSize), 0);
  EXPECT_EQ(in_child([&] {
              if (!has_its_content()) return 1;
              memory_[0] = static_cast<char>(content_of(0) + 1);
              if (splice(memory_, kPage) != static_cast<lkl_long>(kPage)) return 2;
              return lkl_memory_release(memory_, kSize) == 0 ? 0 : 3;
            }),
            0);
  EXPECT_TRUE(has_its_content());
  EXPECT_EQ(lkl_memory_release(memory_, kSize), 0);
}

// It is the program's, which had given it away for a while only.
TEST(Import, StaysWhenTheKernelHasEnded) {
  void* const memory =
      mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 'x', kPage);
  lkl_host_operations silent = {};
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=32M loglevel=0"), 0);
  ASSERT_EQ(lkl_memory_import(memory, kPage), 0);
  ASSERT_EQ(lkl_sys_halt(), 0);
  lkl_cleanup();
  EXPECT_EQ(std::string(static_cast<char*>(memory), kPage), std::string(kPage, 'x'));
  EXPECT_LT(lkl_memory_release(memory, kPage), 0);
  munmap(memory, kPage);
}
