// SPDX-License-Identifier: GPL-2.0
// A test on a file system, whose root is the kernel's current folder.
#pragma once

#include <memory>
#include <string>

#include "fs/image.h"
#include "support/kernel_test.h"

namespace lkl_test {

// The parameter is its type: one of Image's, or one that is in memory.
class FileSystemTest : public KernelTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (on_disk()) {
      image_ = std::make_unique<Image>(dir_, GetParam(), 256);
      mount();
    } else {
      ASSERT_EQ(lkl_sys_mkdir("/ram", 0755), 0);
      ASSERT_EQ(lkl_sys_mount(const_cast<char*>("ram"), const_cast<char*>("/ram"),
                              const_cast<char*>(GetParam()), 0, nullptr),
                0);
      ASSERT_EQ(lkl_sys_chdir("/ram"), 0);
    }
  }

  void TearDown() override {
    lkl_sys_close_range(0, ~0u, 0);
    if (image_) {
      umount();
      EXPECT_EQ(image_->check(), "");
    }
    KernelTest::TearDown();
  }

  static bool is(const char* type) { return std::string(GetParam()) == type; }
  static bool on_disk() { return !is("ramfs") && !is("tmpfs"); }
  void mount() {
    ASSERT_EQ(image_->mount(), "");
    ASSERT_EQ(lkl_sys_chdir(image_->point().c_str()), 0);
  }
  void umount() {
    ASSERT_EQ(lkl_sys_chdir("/"), 0);
    ASSERT_EQ(image_->umount(), "");
  }
  static int open_file(const char* name, int flags = LKL_O_CREAT | LKL_O_RDWR) {
    return static_cast<int>(lkl_sys_open(name, flags, 0644));
  }

  TempDir dir_;
  std::unique_ptr<Image> image_;
};

}  // namespace lkl_test
