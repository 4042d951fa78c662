// SPDX-License-Identifier: GPL-2.0
// File systems whose compressed data the kernel reads by mappings of its own (vm_map_ram()).
#include <fcntl.h>
#include <lkl/linux/f2fs.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "fs/image.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

// Words again and again: compresses well, and differs from place to place.
std::string text_of(size_t size, unsigned number) {
  std::string text;
  while (text.size() < size)
    text += "line " + std::to_string(number++ % 977) + " of a text that is to be compressed\n";
  text.resize(size);
  return text;
}

class ErofsTest : public KernelTest, public ::testing::WithParamInterface<const char*> {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(By, ErofsTest, ::testing::Values("lz4", "lz4hc,12", "lzma"),
                         [](const auto& info) {
                           const std::string name = info.param;
                           return name.substr(0, name.find(','));
                         });

TEST_P(ErofsTest, IsReadAsItWasPacked) {
  const TempDir dir;
  const std::string tree = dir / "tree", image = dir / "image";
  ASSERT_EQ(run("mkdir " + tree), 0);
  const std::vector<size_t> sizes = {1, 4096, 100000, 3 << 20};
  for (size_t i = 0; i < sizes.size(); ++i)
    std::ofstream(tree + "/" + std::to_string(i)) << text_of(sizes[i], static_cast<unsigned>(i));
  std::string said;
  if (run("mkfs.erofs -z" + std::string(GetParam()) + " " + image + " " + tree, &said) != 0)
    GTEST_SKIP() << "the host's mkfs.erofs can't: " << said;
  const int fd = open(image.c_str(), O_RDWR | O_CLOEXEC);
  lkl_disk disk = {};
  disk.fd = fd;
  const int id = lkl_disk_add(&disk);
  ASSERT_GE(id, 0);
  char point[32];
  ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "erofs", LKL_MS_RDONLY, nullptr, point,
                          sizeof point),
            0)
      << kernel_log();
  for (size_t i = 0; i < sizes.size(); ++i)
    EXPECT_EQ(read_kernel_file((std::string(point) + "/" + std::to_string(i)).c_str()),
              text_of(sizes[i], static_cast<unsigned>(i)));
  EXPECT_EQ(lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000), 0);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  close(fd);
}

namespace {

// Of the mount option.
class F2fsTest : public KernelTest, public ::testing::WithParamInterface<const char*> {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(By, F2fsTest,
                         ::testing::Values("lzo", "lzo-rle", "lz4", "lz4:9", "zstd", "zstd:12"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '-' || c == ':' ? '_' : c;
                           return name;
                         });

TEST_P(F2fsTest, FilesAreCompressed) {
  const TempDir dir;
  Image image(dir, "f2fs", 128);
  const std::string options =
      std::string("compress_algorithm=") + GetParam() + ",compress_extension=*";
  constexpr size_t kSize = 4 << 20;
  ASSERT_EQ(image.mount(0, options.c_str()), "") << kernel_log();
  const std::string name = image.point() + "/file";
  int fd = static_cast<int>(lkl_sys_open(name.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0600));
  ASSERT_GE(fd, 0);
  const std::string text = text_of(kSize, 7);
  ASSERT_EQ(lkl_sys_write(fd, text.data(), kSize), static_cast<lkl_long>(kSize));
  ASSERT_EQ(lkl_sys_fsync(fd), 0);
  std::uint64_t saved = 0;
  ASSERT_EQ(lkl_sys_ioctl(static_cast<unsigned>(fd), LKL_F2FS_IOC_GET_COMPRESS_BLOCKS,
                          reinterpret_cast<lkl_long>(&saved)),
            0);
  EXPECT_GT(saved, kSize / 4096 / 4);
  lkl_sys_close(fd);
  ASSERT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
  // Read by what is written in it, whatever new files get.
  ASSERT_EQ(image.mount(), "");
  EXPECT_EQ(read_kernel_file(name.c_str()), text);
  ASSERT_EQ(image.umount(), "");
}
