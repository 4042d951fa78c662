// SPDX-License-Identifier: GPL-2.0
// Functions of the application that end by an exception: nothing of the library is left as it must
// not be, and somebody is told.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "support/kernel_test.h"

namespace {

class ExceptionTest : public ::testing::Test {
 protected:
  void boot(void (*print)(const char*, int)) {
    ops_.print = print;
    ASSERT_EQ(lkl_init(&ops_), 0);
    ASSERT_EQ(lkl_start_kernel("mem=32M"), 0);
  }
  void TearDown() override {
    lkl_sys_halt();
    lkl_cleanup();
  }

  lkl_host_operations ops_ = lkl_host_ops;
};

int capacity(lkl_disk, unsigned long long* size) {
  *size = 1 << 20;
  return 0;
}

int throwing_capacity(lkl_disk, unsigned long long*) {
  throw std::runtime_error("a capacity");
}

int throwing_request(lkl_disk, lkl_blk_req*) {
  throw std::runtime_error("a request");
}

}  // namespace

// In the middle of kernel code, which can't be left like that.
TEST_F(ExceptionTest, OfPrint) {
  testing::internal::CaptureStderr();
  boot([](const char*, int) { throw 1; });
  EXPECT_EQ(lkl_sys_mkdir("/made", 0700), 0);
  EXPECT_LT(lkl_printf("%s", "by the application"), 100);
  EXPECT_EQ(lkl_sysctl_parse_write("no pair"), -LKL_EINVAL);
  EXPECT_EQ(lkl_sys_rmdir("/made"), 0);
  EXPECT_EQ(lkl_sys_halt(), 0);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("lkl: the print operation has thrown an exception\n"), std::string::npos);
  // what was to be printed is not lost
  EXPECT_NE(said.find("Linux version"), std::string::npos);
}

TEST_F(ExceptionTest, OfADisk) {
  boot(nullptr);
  lkl_dev_blk_ops ops = {.get_capacity = throwing_capacity, .request = throwing_request};
  lkl_disk disk = {};
  disk.ops = &ops;
  testing::internal::CaptureStderr();
  EXPECT_EQ(lkl_disk_add(&disk), -LKL_EIO);
  ops.get_capacity = capacity;
  const int id = lkl_disk_add(&disk);
  ASSERT_GE(id, 0);
  char point[32];
  EXPECT_LT(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", 0, nullptr, point, sizeof point),
            0);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("get_capacity of a disk has thrown an exception: a capacity\n"),
            std::string::npos);
  EXPECT_NE(said.find("request of a disk has thrown an exception: a request\n"), std::string::npos);
}
