// SPDX-License-Identifier: GPL-2.0
// More inodes are changed than the memory could hold: they are written, and freed, while others are
// made. (Else the kernel panics: "System is deadlocked on memory".)
#include <string>

#include "fs/image.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr int kFiles = 30000;

class ManyFilesTest : public KernelTest {
 protected:
  // The last one counts.
  const char* more_words() const override { return kLockdep ? "mem=40M" : "mem=28M"; }
};

std::string name_of(const Image& image, int number) {
  return image.point() + "/file-" + std::to_string(number);
}

}  // namespace

TEST_F(ManyFilesTest, AreMadeWithLittleMemory) {
  const TempDir dir("/dev/shm");
  Image image(dir, "ext4", 640);  // with 40960 inodes
  ASSERT_EQ(image.mount(), "");
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = name_of(image, i);
    ASSERT_EQ(lkl_sys_mknod(name.c_str(), LKL_S_IFREG | 0644, 0), 0) << i;
    ASSERT_EQ(lkl_sys_chown(name.c_str(), 1000, 1000), 0) << i;
  }
  ASSERT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
  ASSERT_EQ(image.mount(LKL_MS_RDONLY), "");
  for (int i = 0; i < kFiles; i += kFiles / 100) {
    struct lkl_stat status = {};
    ASSERT_EQ(lkl_sys_stat(name_of(image, i).c_str(), &status), 0) << i;
    EXPECT_EQ(status.st_uid, 1000u) << i;
  }
  EXPECT_EQ(image.umount(), "");
}
