// SPDX-License-Identifier: GPL-2.0
// Bad pointers give -EFAULT, as from any kernel, and what was before them counts.
#include <cstring>

#include "support/kernel_test.h"
#include "support/two_pages.h"

using lkl_test::KernelTest;

namespace {

class FaultTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_EQ(lkl_sys_pipe2(pipe_, 0), 0);
  }

  static constexpr size_t kPage = lkl_test::TwoPages::kPage;
  const lkl_test::TwoPages pages_;
  char* const page_ = pages_.first();
  int pipe_[2];
};

}  // namespace

TEST_F(FaultTest, NullAndWildPointers) {
  char* const wild[] = {nullptr, reinterpret_cast<char*>(8), reinterpret_cast<char*>(0x123456789),
                        page_ + kPage};
  for (char* pointer : wild) {
    EXPECT_EQ(lkl_sys_mkdir(pointer, 0755), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_open(pointer, LKL_O_RDONLY, 0), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_write(pipe_[1], pointer, 10), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_write(pipe_[1], pointer, 1000), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_nanosleep(reinterpret_cast<__lkl__kernel_timespec*>(pointer), nullptr),
              -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_stat("/", reinterpret_cast<lkl_stat*>(pointer)), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_pipe2(reinterpret_cast<int*>(pointer), 0), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_getcwd(pointer, 100), -LKL_EFAULT);
  }
  ASSERT_EQ(lkl_sys_write(pipe_[1], page_, 100), 100);
  EXPECT_EQ(lkl_sys_read(pipe_[0], page_ + kPage, 100), -LKL_EFAULT);
}

TEST_F(FaultTest, ALongCopyStopsAtTheBadPage) {
  const int fd = static_cast<int>(lkl_sys_open("/file", LKL_O_CREAT | LKL_O_RDWR, 0644));
  ASSERT_GE(fd, 0);
  std::memset(page_, 'a', kPage);
  EXPECT_EQ(lkl_sys_write(fd, page_ + 1000, 2 * kPage), static_cast<long>(kPage - 1000));
  EXPECT_EQ(lkl_sys_pread64(fd, page_ + kPage - 100, 200, 0), 100);
}

TEST_F(FaultTest, NamesAtTheEndOfAPage) {
  std::strcpy(page_ + kPage - 5, "/dir");
  EXPECT_EQ(lkl_sys_mkdir(page_ + kPage - 5, 0755), 0);
  // no terminating 0 before the bad page
  std::memset(page_ + kPage - 8, 'x', 8);
  page_[kPage - 8] = '/';
  EXPECT_EQ(lkl_sys_mkdir(page_ + kPage - 8, 0755), -LKL_EFAULT);
}

TEST_F(FaultTest, AFutexOnABadAddress) {
  EXPECT_EQ(lkl_sys_futex(reinterpret_cast<__lkl__u32*>(page_ + kPage),
                          LKL_FUTEX_WAIT | LKL_FUTEX_PRIVATE_FLAG, 0, nullptr, nullptr, 0),
            -LKL_EFAULT);
  // those that change it, where nothing is and where it can only be read
  alignas(4096) static const char kReadOnly[4096] = {};
  for (const char* bad : {static_cast<const char*>(page_ + kPage), kReadOnly}) {
    auto* const futex = reinterpret_cast<__lkl__u32*>(const_cast<char*>(bad));
    EXPECT_EQ(lkl_sys_futex(futex, LKL_FUTEX_LOCK_PI, 0, nullptr, nullptr, 0), -LKL_EFAULT);
    EXPECT_EQ(lkl_sys_futex(futex, LKL_FUTEX_TRYLOCK_PI, 0, nullptr, nullptr, 0), -LKL_EFAULT);
  }
}
