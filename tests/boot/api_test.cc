// SPDX-License-Identifier: GPL-2.0
// The helpers of lkl.h.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "support/host_tools.h"
#include "support/kernel_test.h"

using lkl_test::KernelTest;

namespace {

class ApiTest : public KernelTest {
 protected:
  static std::string read_all(const char* path) {
    const long fd = lkl_sys_open(path, LKL_O_RDONLY, 0);
    if (fd < 0) return lkl_strerror(static_cast<int>(fd));
    char buffer[4096];
    const long count = lkl_sys_read(static_cast<unsigned>(fd), buffer, sizeof buffer);
    lkl_sys_close(static_cast<unsigned>(fd));
    return count < 0 ? "" : std::string(buffer, static_cast<size_t>(count));
  }
};

}  // namespace

TEST_F(ApiTest, ErrorsHaveTexts) {
  EXPECT_STREQ(lkl_strerror(0), "Success");
  EXPECT_STREQ(lkl_strerror(-LKL_ENOENT), "No such file or directory");
  EXPECT_STREQ(lkl_strerror(LKL_EIO), "I/O error");
  EXPECT_STREQ(lkl_strerror(12345), "Unknown error");
  char message[] = "thing";
  lkl_perror(message, -LKL_EEXIST);
  EXPECT_NE(lkl_test::kernel_log().find("thing: File exists\n"), std::string::npos);
  EXPECT_EQ(lkl_printf("%s %d\n", "seven", 7), 8);
  EXPECT_NE(lkl_test::kernel_log().find("seven 7\n"), std::string::npos);
}

TEST_F(ApiTest, Directories) {
  std::set<std::string> made;
  ASSERT_EQ(lkl_sys_mkdir("/d", 0755), 0);
  for (int i = 0; i < 500; ++i) {
    const std::string name = "entry-with-a-long-name-" + std::to_string(i);
    made.insert(name);
    ASSERT_EQ(lkl_sys_mkdir(("/d/" + name).c_str(), 0755), 0);
  }
  int error = -1;
  EXPECT_EQ(lkl_opendir("/nothing", &error), nullptr);
  EXPECT_EQ(error, -LKL_ENOENT);
  lkl_dir* dir = lkl_opendir("/d", &error);
  ASSERT_NE(dir, nullptr);
  for (int round = 0; round < 2; ++round) {
    std::set<std::string> found;
    while (const lkl_linux_dirent64* entry = lkl_readdir(dir))
      if (entry->d_name[0] != '.') found.insert(entry->d_name);
    EXPECT_EQ(lkl_errdir(dir), 0);
    EXPECT_EQ(found, made);
    lkl_rewinddir(dir);
  }
  EXPECT_GE(lkl_dirfd(dir), 0);
  EXPECT_EQ(lkl_closedir(dir), 0);
}

TEST_F(ApiTest, MountFsOnceAndAgain) {
  char proc[] = "proc", nothing[] = "nosuchfs";
  EXPECT_EQ(lkl_mount_fs(proc), 0);
  EXPECT_EQ(lkl_mount_fs(proc), 1);
  EXPECT_EQ(lkl_mount_fs(nothing), -LKL_ENODEV);
  EXPECT_NE(read_all("/proc/filesystems").find("ext4"), std::string::npos);
}

TEST_F(ApiTest, Sysctl) {
  EXPECT_EQ(lkl_sysctl("kernel.hostname", "by-sysctl"), 0);
  EXPECT_EQ(read_all("/proc/sys/kernel/hostname"), "by-sysctl\n");
  EXPECT_EQ(lkl_sysctl("kernel.no_such_thing", "1"), -LKL_ENOENT);
  EXPECT_EQ(lkl_sysctl_parse_write("kernel.domainname|dom;bad;kernel.hostname|again"), -LKL_EINVAL);
  EXPECT_EQ(read_all("/proc/sys/kernel/domainname"), "dom\n");
  EXPECT_EQ(read_all("/proc/sys/kernel/hostname"), "again\n");
  EXPECT_NE(lkl_test::kernel_log().find("\"bad\": must be key|value"), std::string::npos);
}

TEST_F(ApiTest, FdLimit) {
  ASSERT_EQ(lkl_set_fd_limit(16), 0);
  long fd = 0;
  int count = 0;
  while ((fd = lkl_sys_open("/", LKL_O_RDONLY, 0)) >= 0) ++count;
  EXPECT_EQ(fd, -LKL_EMFILE);
  EXPECT_LE(count, 16);
}

TEST_F(ApiTest, Interfaces) {
  if (!lkl_test::kernel_has_ip()) GTEST_SKIP() << "the kernel's profile has no IPv4 and IPv6";
  EXPECT_EQ(lkl_ifname_to_ifindex("lo"), 1);
  EXPECT_EQ(lkl_ifname_to_ifindex("eth7"), -LKL_ENODEV);
  EXPECT_EQ(lkl_if_up(1), 0);
  EXPECT_EQ(lkl_if_set_mtu(1, 1400), 0);
  EXPECT_EQ(lkl_if_up(99), -LKL_ENODEV);
  EXPECT_EQ(lkl_qdisc_parse_add(1, "root|pfifo;;root|nosuch;other|pfifo"), -LKL_ENOENT);
  unsigned int address = 0x0100000a;  // 10.0.0.1
  EXPECT_EQ(lkl_if_set_ipv4(1, address, 24), 0);
  EXPECT_EQ(lkl_if_set_ipv4(1, address, 24), -LKL_EEXIST);
  EXPECT_EQ(lkl_if_del_ip(1, LKL_AF_INET, &address, 24), 0);
  EXPECT_EQ(lkl_if_del_ip(1, LKL_AF_INET, &address, 24), -LKL_EADDRNOTAVAIL);
  unsigned char v6[16] = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
  EXPECT_EQ(lkl_if_set_ipv6(1, v6, 64), 0);
  EXPECT_EQ(lkl_if_down(1), 0);
}

TEST_F(ApiTest, DisksWithoutAKernelFileSystem) {
  lkl_disk disk = {};
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_MEMORY;
  EXPECT_EQ(lkl_disk_add_options(&disk, &options), -LKL_EINVAL);  // no size
  options.size = 8 << 20;
  std::strcpy(options.serial, "serial-of-the-disk");
  options.num_queues = 4;
  const int id = lkl_disk_add_options(&disk, &options);
  ASSERT_GE(id, 0);
  __lkl__u32 dev = 0;
  ASSERT_EQ(lkl_get_virtio_blkdev(id, 0, &dev), 0);
  EXPECT_EQ(lkl_get_virtio_blkdev(id, 3, &dev), -LKL_ENOENT);
  EXPECT_EQ(lkl_get_virtio_blkdev(id + 1, 0, &dev), -LKL_ENODEV);
  EXPECT_EQ(read_all("/sysfs/block/vda/serial"), "serial-of-the-disk");
  EXPECT_EQ(read_all("/sysfs/block/vda/size"), "16384\n");
  char point[32];
  EXPECT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", 0, nullptr, point, sizeof point),
            -LKL_EINVAL);  // nothing on it
  EXPECT_EQ(
      lkl_mount_dev(static_cast<unsigned>(id), 0, "nosuchfs", 0, nullptr, point, sizeof point),
      -LKL_ENODEV);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  EXPECT_EQ(lkl_disk_remove(disk), -LKL_ENODEV);
}

// The structure may grow: programs and libraries of another age understand each other.
TEST_F(ApiTest, OptionsOfOtherVersions) {
  lkl_disk disk = {};
  struct {
    lkl_disk_options options;
    char of_a_later_one[24];
  } newer = {};
  newer.options.flags = LKL_DISK_MEMORY;
  newer.options.size = 1 << 20;
  EXPECT_EQ(lkl_disk_add_options(&disk, &newer.options), -LKL_EINVAL);  // it does not say
  newer.options.struct_size = sizeof(newer.options) - 1;                // that was never
  EXPECT_EQ(lkl_disk_add_options(&disk, &newer.options), -LKL_EINVAL);
  newer.options.struct_size = sizeof(newer);
  EXPECT_GE(lkl_disk_add_options(&disk, &newer.options), 0);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  newer.of_a_later_one[23] = 1;  // which it can't be without
  EXPECT_EQ(lkl_disk_add_options(&disk, &newer.options), -LKL_E2BIG);
}

TEST_F(ApiTest, ADiskOfMyMemory) {
  std::vector<char> memory(1 << 20, 'm');
  lkl_disk disk = {};
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_MEMORY;
  options.size = memory.size();
  options.memory = memory.data();
  const int id = lkl_disk_add_options(&disk, &options);
  ASSERT_GE(id, 0);
  __lkl__u32 dev = 0;
  ASSERT_EQ(lkl_get_virtio_blkdev(id, 0, &dev), 0);
  ASSERT_EQ(lkl_sys_mknod("/vda", LKL_S_IFBLK | 0600, dev), 0);
  const int fd = static_cast<int>(lkl_sys_open("/vda", LKL_O_RDWR, 0));
  ASSERT_GE(fd, 0);
  char text[3] = {};
  EXPECT_EQ(lkl_sys_pread64(fd, text, 2, 12345), 2);
  EXPECT_STREQ(text, "mm");
  EXPECT_EQ(lkl_sys_pwrite64(fd, "written", 7, 20000), 7);
  EXPECT_EQ(lkl_sys_fsync(fd), 0);
  EXPECT_EQ(std::string(&memory[20000], 8), "writtenm");
  lkl_sys_close(fd);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
}

TEST_F(ApiTest, DisksByUri) {
  lkl_disk disk = {};
  EXPECT_EQ(lkl_disk_open(nullptr, "mem:1M", 0), -LKL_EINVAL);
  EXPECT_EQ(lkl_disk_open(&disk, "mem:", 0), -LKL_EINVAL);
  EXPECT_EQ(lkl_disk_open(&disk, "mem:1X", 0), -LKL_EINVAL);
  EXPECT_EQ(lkl_disk_open(&disk, "mem:1M", 1u << 20), -LKL_EINVAL);
  EXPECT_EQ(lkl_disk_open(&disk, "gopher://x/y", 0), -LKL_EPROTONOSUPPORT);
  EXPECT_EQ(lkl_disk_open(&disk, "/nowhere/at/all", 0), -LKL_ENOENT);
  EXPECT_EQ(lkl_disk_open(&disk, "file:/nowhere/at/all", 0), -LKL_ENOENT);
#ifdef LKL_HAVE_NBD
  EXPECT_EQ(lkl_disk_open(&disk, "nbd+unix:///?socket=/nowhere/at/all", 0), -LKL_ENOENT);
#else
  EXPECT_EQ(lkl_disk_open(&disk, "nbd+unix:///?socket=/nowhere/at/all", 0), -LKL_EPROTONOSUPPORT);
#endif

  const int id = lkl_disk_open(&disk, "mem:4M", 0);
  ASSERT_GE(id, 0);
  unsigned number = 0;
  EXPECT_EQ(lkl_get_virtio_blkdev(id, 0, &number), 0);
  EXPECT_EQ(lkl_disk_remove(disk), 0);

  // a snapshot: what is written is read again, and gone with the disk
  const lkl_test::TempDir dir;
  const std::string path = dir / "image";
  std::ofstream(path).close();
  std::filesystem::resize_file(path, 1 << 20);
  for (int round = 0; round < 2; ++round) {
    const int snapshot = lkl_disk_open(&disk, path.c_str(), LKL_DISK_SNAPSHOT);
    ASSERT_GE(snapshot, 0);
    ASSERT_EQ(lkl_get_virtio_blkdev(snapshot, 0, &number), 0);
    ASSERT_EQ(lkl_sys_mknod("/snapshot", LKL_S_IFBLK | 0600, number), 0);
    const int fd = static_cast<int>(lkl_sys_open("/snapshot", LKL_O_RDWR, 0));
    ASSERT_GE(fd, 0);
    char byte = '?';
    EXPECT_EQ(lkl_sys_pread64(fd, &byte, 1, 5000), 1);
    EXPECT_EQ(byte, 0);
    EXPECT_EQ(lkl_sys_pwrite64(fd, "x", 1, 5000), 1);
    EXPECT_EQ(lkl_sys_fsync(fd), 0);
    lkl_sys_close(fd);
    EXPECT_EQ(lkl_sys_unlink("/snapshot"), 0);
    EXPECT_EQ(lkl_disk_remove(disk), 0);
  }
}
