// SPDX-License-Identifier: GPL-2.0
// Where there is no bug the checkers say nothing: TearDown() looks at the log. More is run under
// them by the tests with labels boot and fs.
#include <fcntl.h>
#include <unistd.h>

#include "checkers/kernel_report.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"

namespace {

class SilenceTest : public lkl_test::KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    char debugfs[] = "debugfs";
    ASSERT_EQ(lkl_mount_fs(debugfs), 0);
  }
};

TEST_F(SilenceTest, Ext4LeavesNoLeak) {
  if (!lkl_test::has_checker("kmemleak")) GTEST_SKIP() << "this kernel is built without kmemleak";
  const lkl_test::TempDir dir;
  const std::string image = dir / "image";
  ASSERT_EQ(lkl_test::run("truncate -s 64M " + image + " && mkfs.ext4 -q " + image), 0);
  lkl_disk disk = {};
  disk.fd = open(image.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(disk.fd, 0);
  const int id = lkl_disk_add(&disk);
  ASSERT_GE(id, 0);
  char point[64];
  ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", 0, nullptr, point, sizeof point),
            0);
  ASSERT_EQ(lkl_sys_chdir(point), 0);
  const std::string data(100'000, 'x');
  for (int i = 0; i < 50; ++i) {
    const std::string name = "file" + std::to_string(i);
    const int fd = static_cast<int>(lkl_sys_open(name.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
    ASSERT_GE(fd, 0);
    ASSERT_EQ(lkl_sys_write(fd, data.data(), data.size()), static_cast<long>(data.size()));
    lkl_sys_close(fd);
    if (i % 2 != 0) {
      ASSERT_EQ(lkl_sys_unlink(name.c_str()), 0);
    }
  }
  lkl_sys_sync();
  ASSERT_EQ(lkl_sys_chdir("/"), 0);
  ASSERT_EQ(lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000), 0);

  EXPECT_EQ(lkl_test::find_leaks(), "");
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  close(disk.fd);
}

// kmemleak looks through what vmalloc() gave, too: a table of so many descriptors is no other
// memory, and nothing else knows of the files in it.
TEST_F(SilenceTest, WhatOnlyVmallocedMemoryHasIsNoLeak) {
  if (!lkl_test::has_checker("kmemleak")) GTEST_SKIP() << "this kernel is built without kmemleak";
  constexpr int kFirst = 600'000, kFiles = 8;
  char proc[] = "proc";
  ASSERT_EQ(lkl_mount_fs(proc), 0);
  ASSERT_EQ(lkl_set_fd_limit(kFirst + kFiles), 0);
  for (int i = 0; i < kFiles; ++i) {
    const int fd = static_cast<int>(lkl_sys_eventfd2(0, 0));
    ASSERT_GE(fd, 0);
    ASSERT_EQ(lkl_sys_dup2(fd, kFirst + i), kFirst + i);
    ASSERT_EQ(lkl_sys_close(static_cast<unsigned>(fd)), 0);
  }
  EXPECT_NE(lkl_test::read_kernel_file("/proc/vmallocinfo").find("alloc_fdtable"),
            std::string::npos);
  EXPECT_EQ(lkl_test::find_leaks(), "");
}

}  // namespace
