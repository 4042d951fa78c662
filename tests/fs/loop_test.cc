// SPDX-License-Identifier: GPL-2.0
// Loop devices: none is made at boot, each when it is wanted.
#include <lkl/linux/loop.h>

#include <string>

#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr unsigned kLoopMajor = 7, kMiscMajor = 10, kLoopControlMinor = 237;

class LoopTest : public KernelTest {
 protected:
  // Its content is read back from the loop device that is made of it.
  int make_file() {
    const int fd = static_cast<int>(lkl_sys_open("/image", LKL_O_CREAT | LKL_O_RDWR, 0600));
    EXPECT_EQ(lkl_sys_write(fd, content_.data(), content_.size()),
              static_cast<long>(content_.size()));
    return fd;
  }

  void expect_content(int loop) {
    const int file = make_file();
    ASSERT_EQ(lkl_sys_ioctl(loop, LKL_LOOP_SET_FD, file), 0);
    std::string read(content_.size(), 0);
    EXPECT_EQ(lkl_sys_pread64(loop, read.data(), read.size(), 0),
              static_cast<long>(content_.size()));
    EXPECT_EQ(read, content_);
    EXPECT_EQ(lkl_sys_ioctl(loop, LKL_LOOP_CLR_FD, 0), 0);
    lkl_sys_close(file);
  }

  int open_loop(unsigned number) {
    const std::string node = "/loop" + std::to_string(number);
    EXPECT_EQ(lkl_sys_mknod(node.c_str(), LKL_S_IFBLK | 0600, (kLoopMajor << 8) | number), 0);
    return static_cast<int>(lkl_sys_open(node.c_str(), LKL_O_RDWR, 0));
  }

  const std::string content_ = std::string(4096, 'a') + std::string(4096, 'b');
};

}  // namespace

TEST_F(LoopTest, IsMadeByOpeningItsNode) {
  // 8 are what a kernel of its own accord makes at boot
  for (const unsigned number : {0, 7, 8, 100}) {
    const int loop = open_loop(number);
    ASSERT_GE(loop, 0) << number;
    expect_content(loop);
    lkl_sys_close(loop);
  }
}

TEST_F(LoopTest, IsMadeByTheControlDevice) {
  ASSERT_EQ(
      lkl_sys_mknod("/loop-control", LKL_S_IFCHR | 0600, (kMiscMajor << 8) | kLoopControlMinor), 0);
  const int control = static_cast<int>(lkl_sys_open("/loop-control", LKL_O_RDWR, 0));
  ASSERT_GE(control, 0);
  const long number = lkl_sys_ioctl(control, LKL_LOOP_CTL_GET_FREE, 0);
  EXPECT_EQ(number, 0);
  const int loop = open_loop(static_cast<unsigned>(number));
  ASSERT_GE(loop, 0);
  expect_content(loop);
  lkl_sys_close(loop);
  EXPECT_EQ(lkl_sys_ioctl(control, LKL_LOOP_CTL_REMOVE, number), 0);
  lkl_sys_close(control);
}
