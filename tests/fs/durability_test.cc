// SPDX-License-Identifier: GPL-2.0
// fsync, full disks, failing disks, locks.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fs/image.h"
#include "support/child.h"
#include "support/kernel_test.h"
#include "support/mounted.h"
#include "support/sanitizers.h"

using namespace lkl_test;

namespace {

// A disk of the application's own: an image in memory that counts, and fails at will.
struct TestDisk {
  std::vector<char> bytes;
  std::atomic<int> flushes = 0;
  std::atomic<bool> fail_writes = false;
  std::atomic<bool> fail_reads = false;
  lkl_dev_blk_ops ops = {.get_capacity = capacity, .request = request};
  lkl_disk disk = {};

  explicit TestDisk(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY);
    bytes.resize(static_cast<size_t>(lseek(fd, 0, SEEK_END)));
    EXPECT_EQ(pread(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    close(fd);
    disk.handle = this;
    disk.ops = &ops;
  }

  static int capacity(lkl_disk disk, unsigned long long* size) {
    *size = static_cast<TestDisk*>(disk.handle)->bytes.size();
    return 0;
  }

  static int request(lkl_disk disk, lkl_blk_req* request) {
    auto* self = static_cast<TestDisk*>(disk.handle);
    char* at = self->bytes.data() + request->sector * 512;
    switch (request->type) {
      case LKL_DEV_BLK_TYPE_FLUSH:
        ++self->flushes;
        return LKL_DEV_BLK_STATUS_OK;
      case LKL_DEV_BLK_TYPE_READ:
        if (self->fail_reads) return LKL_DEV_BLK_STATUS_IOERR;
        break;
      case LKL_DEV_BLK_TYPE_WRITE:
        if (self->fail_writes) return LKL_DEV_BLK_STATUS_IOERR;
        break;
    }
    for (int i = 0; i < request->count; ++i) {
      if (request->type == LKL_DEV_BLK_TYPE_READ)
        std::memcpy(request->buf[i].iov_base, at, request->buf[i].iov_len);
      else
        std::memcpy(at, request->buf[i].iov_base, request->buf[i].iov_len);
      at += request->buf[i].iov_len;
    }
    return LKL_DEV_BLK_STATUS_OK;
  }
};

class DurabilityTest : public KernelTest {
 protected:
  static std::vector<const char*> types() {
    if (kMapped) return {"ext4", "btrfs", "xfs", "f2fs"};
    return {"ext4", "btrfs"};
  }
  TempDir dir_;
};

}  // namespace

TEST_F(DurabilityTest, FsyncReachesTheDisk) {
  for (const char* type : types()) {
    TestDisk disk(Image(dir_, type, 128).path());
    const int id = lkl_disk_add(&disk.disk);
    ASSERT_GE(id, 0);
    char point[32];
    ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, type, 0, nullptr, point, sizeof point),
              0);
    const std::string file = std::string(point) + "/f";
    const int fd = static_cast<int>(lkl_sys_open(file.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
    ASSERT_GE(fd, 0);
    ASSERT_EQ(lkl_sys_write(fd, "x", 1), 1);
    const int before = disk.flushes;
    ASSERT_EQ(lkl_sys_fsync(fd), 0);
    EXPECT_GT(disk.flushes, before) << type;
    lkl_sys_close(fd);
    ASSERT_EQ(lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000), 0);
    ASSERT_EQ(lkl_disk_remove(disk.disk), 0);
  }
}

TEST_F(DurabilityTest, AFullDiskIsAnErrorAndNoMore) {
  for (const char* type : types()) {
    Image image(dir_, type, 128);
    ASSERT_EQ(image.mount(), "");
    const int fd = static_cast<int>(
        lkl_sys_open((image.point() + "/big").c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
    const std::string block(1 << 20, 'b');
    long result = 0;
    for (int i = 0; i < 400 && result >= 0; ++i)
      result = lkl_sys_write(fd, block.data(), block.size());
    if (result >= 0) result = lkl_sys_fsync(fd);
    EXPECT_EQ(result, -LKL_ENOSPC) << type;
    lkl_sys_close(fd);
    EXPECT_EQ(lkl_sys_unlink((image.point() + "/big").c_str()), 0) << type;
    EXPECT_EQ(lkl_sys_mkdir((image.point() + "/room-again").c_str(), 0755), 0) << type;
    EXPECT_EQ(image.umount(), "");
    EXPECT_EQ(image.check(), "");
  }
}

TEST_F(DurabilityTest, WriteErrorsReachTheCallerAndMakeItReadOnly) {
  for (const char* type : {"ext4", "btrfs"}) {
    TestDisk disk(Image(dir_, type, 128).path());
    const int id = lkl_disk_add(&disk.disk);
    ASSERT_GE(id, 0);
    char point[32];
    const char* options = std::string(type) == "ext4" ? "errors=remount-ro" : nullptr;
    ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, type, 0, options, point, sizeof point),
              0);
    const std::string base = point;
    const int fd =
        static_cast<int>(lkl_sys_open((base + "/f").c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
    ASSERT_EQ(lkl_sys_write(fd, "x", 1), 1);
    disk.fail_writes = true;
    const long error = lkl_sys_fsync(fd);
    EXPECT_TRUE(error == -LKL_EIO || error == -LKL_EROFS) << type << " " << error;
    lkl_sys_close(fd);
    // the file system has lost its journal or its last transaction
    // The file system has lost its journal or its last transaction: sooner or later it
    // refuses to change anything. ext4 says so by EROFS, btrfs by a flag.
    constexpr long kReadOnly = 1;  // ST_RDONLY
    bool refuses = false;
    for (int i = 0; i < 50 && !refuses; ++i) {
      const long made = lkl_sys_mkdir((base + "/d" + std::to_string(i)).c_str(), 0755);
      lkl_statfs st = {};
      lkl_sys_sync();
      ASSERT_EQ(lkl_sys_statfs(base.c_str(), &st), 0);
      refuses = made == -LKL_EROFS || (made < 0 && (st.f_flags & kReadOnly));
    }
    EXPECT_TRUE(refuses) << type;
    disk.fail_writes = false;
    lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000);
    EXPECT_EQ(lkl_disk_remove(disk.disk), 0);
  }
  kernel_log().clear();  // it has complained, as it should
}

TEST_F(DurabilityTest, ReadErrorsReachTheCaller) {
  TestDisk disk(Image(dir_, "ext4", 64).path());
  const int id = lkl_disk_add(&disk.disk);
  char point[32];
  ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", 0, nullptr, point, sizeof point),
            0);
  const std::string file = std::string(point) + "/f";
  int fd = static_cast<int>(lkl_sys_open(file.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
  const std::string data(1 << 20, 'r');
  ASSERT_EQ(lkl_sys_write(fd, data.data(), data.size()), 1 << 20);
  lkl_sys_close(fd);
  ASSERT_EQ(lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000), 0);
  ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", 0, nullptr, point, sizeof point),
            0);
  fd = static_cast<int>(lkl_sys_open(file.c_str(), LKL_O_RDONLY, 0));
  ASSERT_GE(fd, 0);
  disk.fail_reads = true;
  char buffer[4096];
  EXPECT_EQ(lkl_sys_read(fd, buffer, sizeof buffer), -LKL_EIO);
  disk.fail_reads = false;
  EXPECT_EQ(lkl_sys_read(fd, buffer, sizeof buffer), 4096);
  EXPECT_EQ(buffer[0], 'r');
  lkl_sys_close(fd);
  ASSERT_EQ(lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000), 0);
  ASSERT_EQ(lkl_disk_remove(disk.disk), 0);
}

TEST_F(DurabilityTest, AnImageHasOneWriter) {
  Image image(dir_, "ext4", 32);
  ASSERT_EQ(image.mount(), "");
  const int again = open(image.path().c_str(), O_RDWR);
  lkl_disk second = {};
  second.fd = again;
  EXPECT_EQ(lkl_disk_add(&second), -LKL_EBUSY);
  const int reader = open(image.path().c_str(), O_RDONLY);
  second.fd = reader;
  EXPECT_EQ(lkl_disk_add(&second), -LKL_EBUSY);
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_NO_LOCK | LKL_DISK_READ_ONLY;
  EXPECT_GE(lkl_disk_add_options(&second, &options), 0);
  EXPECT_EQ(lkl_disk_remove(second), 0);
  ASSERT_EQ(image.umount(), "");
  second.fd = again;
  EXPECT_GE(lkl_disk_add(&second), 0);  // free again
  EXPECT_EQ(lkl_disk_remove(second), 0);
  close(again);
  close(reader);
}

TEST_F(DurabilityTest, DescriptorsThatAreNoDisks) {
  lkl_disk disk = {};
  disk.fd = -1;
  EXPECT_EQ(lkl_disk_add(&disk), -LKL_EBADF);
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  disk.fd = pipe_fds[0];
  EXPECT_EQ(lkl_disk_add(&disk), -LKL_EINVAL);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST_F(DurabilityTest, AReadOnlyDescriptorGivesAReadOnlyDisk) {
  Image image(dir_, "ext4", 32);
  const int fd = open(image.path().c_str(), O_RDONLY);
  lkl_disk disk = {};
  disk.fd = fd;
  const int id = lkl_disk_add(&disk);
  ASSERT_GE(id, 0);
  char point[32];
  EXPECT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", 0, nullptr, point, sizeof point),
            -LKL_EACCES);
  ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", LKL_MS_RDONLY, nullptr, point,
                          sizeof point),
            0);
  EXPECT_EQ(lkl_sys_mkdir((std::string(point) + "/d").c_str(), 0755), -LKL_EROFS);
  EXPECT_EQ(lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000), 0);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  close(fd);
}

TEST_F(DurabilityTest, AMemoryDiskCanBeReadOnly) {
  lkl_disk disk = {};
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_MEMORY | LKL_DISK_READ_ONLY;
  options.size = 1 << 20;
  const int id = lkl_disk_add_options(&disk, &options);
  ASSERT_GE(id, 0);
  __lkl__u32 dev = 0;
  ASSERT_EQ(lkl_get_virtio_blkdev(id, 0, &dev), 0);
  ASSERT_EQ(lkl_sys_mknod("/disk", LKL_S_IFBLK | 0600, dev), 0);
  const int fd = static_cast<int>(lkl_sys_open("/disk", LKL_O_RDWR, 0));
  if (fd >= 0) {
    EXPECT_EQ(lkl_sys_write(fd, "x", 1), -LKL_EPERM);
    lkl_sys_close(fd);
  } else {
    EXPECT_EQ(fd, -LKL_EACCES);
  }
  EXPECT_EQ(lkl_disk_remove(disk), 0);
}

// A disk goes away while requests of it, and of another one, are in flight.
TEST_F(DurabilityTest, DisksComeAndGoBesideABusyOne) {
  Image image(dir_, "ext4", 128);
  ASSERT_EQ(image.mount(), "");
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const std::string block(1 << 20, 'w');
    const std::string name = image.point() + "/busy";
    const int fd = static_cast<int>(lkl_sys_open(name.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
    while (!stop) {
      EXPECT_EQ(lkl_sys_pwrite64(fd, block.data(), block.size(), 0), 1 << 20);
      EXPECT_EQ(lkl_sys_fsync(fd), 0);
    }
    lkl_sys_close(fd);
  });
  for (int i = 0; i < 50; ++i) {
    lkl_disk disk = {};
    lkl_disk_options options = {};
    options.struct_size = sizeof(options);
    options.flags = LKL_DISK_MEMORY;
    options.size = 1 << 20;
    ASSERT_GE(lkl_disk_add_options(&disk, &options), 0);
    ASSERT_EQ(lkl_disk_remove(disk), 0);
  }
  stop = true;
  writer.join();
  EXPECT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
}

// fstrim ends in holes in the image.
TEST_F(DurabilityTest, DiscardFreesTheImage) {
  Image image(dir_, "ext4", 256);
  ASSERT_EQ(image.mount(), "");
  const std::string file = image.point() + "/f";
  int fd = static_cast<int>(lkl_sys_open(file.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
  const std::string block(1 << 20, 'd');
  for (int i = 0; i < 64; ++i) ASSERT_EQ(lkl_sys_write(fd, block.data(), block.size()), 1 << 20);
  lkl_sys_close(fd);
  ASSERT_EQ(lkl_sys_sync(), 0);
  const auto used = [&] {
    std::string text;
    run("stat -c %b " + image.path(), &text);
    return std::stol(text) / 2048;  // MiB
  };
  const long full = used();
  EXPECT_GT(full, 60);
  ASSERT_EQ(lkl_sys_unlink(file.c_str()), 0);
  ASSERT_EQ(lkl_sys_sync(), 0);
  fd = static_cast<int>(lkl_sys_open(image.point().c_str(), LKL_O_RDONLY, 0));
  lkl_fstrim_range range = {.start = 0, .len = ~0ull, .minlen = 0};
  ASSERT_EQ(lkl_sys_ioctl(fd, LKL_FITRIM, reinterpret_cast<lkl_ulong>(&range)), 0);
  lkl_sys_close(fd);
  EXPECT_LT(used(), full - 50);
  EXPECT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
}

// ---- the host has no room for what the kernel writes ----

namespace {

// An image on a file system of the host that is nearly full; in a child, with a kernel of its own.
class FullHostTest : public DurabilityTest {
 protected:
  struct Host {
    int filler = open("/mnt/filler", O_RDWR | O_CREAT, 0600);
    std::unique_ptr<TempDir> dir;
    std::unique_ptr<Image> image;
    int fd = -1;

    explicit Host(unsigned disk_flags) {
      setenv("TMPDIR", "/mnt", 1);
      dir = std::make_unique<TempDir>();
      image = std::make_unique<Image>(*dir, "ext4", 64);
      image->open_with(0, disk_flags);
      EXPECT_EQ(image->mount(), "");
      EXPECT_EQ(posix_fallocate(filler, 0, 8 << 20), 0);
      fd = static_cast<int>(
          lkl_sys_open((image->point() + "/f").c_str(), LKL_O_CREAT | LKL_O_RDWR, 0644));
      const std::string data(12 << 20, 'x');
      EXPECT_EQ(lkl_sys_write(fd, data.data(), data.size()), 12 << 20);
    }
    void make_room() { EXPECT_EQ(ftruncate(filler, 0), 0); }
  };

  void on_full_host(const std::function<void()>& body) {
    if (!with_mount("tmpfs", "size=16m,mode=777", [&](const std::string&) { body(); }))
      GTEST_SKIP() << "the host does not let us mount a tmpfs";
  }
  static bool said(const char* what) { return kernel_log().find(what) != std::string::npos; }
};

}  // namespace

TEST_F(FullHostTest, IsAnInputOutputErrorAndSaid) {
  on_full_host([] {
    Host host(0);
    EXPECT_EQ(lkl_sys_fsync(host.fd), -LKL_EIO);
    EXPECT_TRUE(said("the host's disk is full, or a quota is used up: writes fail"));
  });
}

TEST_F(FullHostTest, WritesWaitIfAskedTo) {
  on_full_host([] {
    Host host(LKL_DISK_WAIT_FOR_SPACE);
    std::atomic<bool> ended = false;
    std::thread writer([&] {
      EXPECT_EQ(lkl_sys_fsync(host.fd), 0);
      ended = true;
    });
    usleep(400'000);
    EXPECT_FALSE(ended);
    EXPECT_TRUE(said("writes wait until there is room"));
    // the kernel is not held up by it
    EXPECT_EQ(lkl_sys_mkdir("/elsewhere", 0755), 0);
    host.make_room();
    writer.join();
    EXPECT_TRUE(said("there is room again, writes go on"));
    EXPECT_FALSE(said("I/O error"));
    EXPECT_EQ(lkl_sys_close(host.fd), 0);
    EXPECT_EQ(host.image->umount(), "");
    EXPECT_EQ(host.image->check(), "");
  });
}

TEST_F(FullHostTest, RemovingTheDiskEndsTheWait) {
  on_full_host([] {
    Host host(LKL_DISK_WAIT_FOR_SPACE);
    std::thread writer([&] { EXPECT_LT(lkl_sys_fsync(host.fd), 0); });
    usleep(300'000);
    EXPECT_EQ(lkl_disk_remove(host.image->disk()), 0);
    writer.join();
  });
}

TEST_F(FullHostTest, WhatCannotWaitIsRefused) {
  lkl_disk disk = {};
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_WAIT_FOR_SPACE | LKL_DISK_MEMORY;
  options.size = 1 << 20;
  EXPECT_EQ(lkl_disk_add_options(&disk, &options), -LKL_EINVAL);
  EXPECT_EQ(lkl_disk_open(&disk, "mem:1M", LKL_DISK_WAIT_FOR_SPACE), -LKL_EINVAL);
}

// ---- whose descriptor, whose lock ----

TEST_F(DurabilityTest, TheCallersDescriptorMayBeClosed) {
  Image image(dir_, "ext4", 32);
  const int fd = open(image.path().c_str(), O_RDWR);
  lkl_disk disk = {};
  disk.fd = fd;
  const int id = lkl_disk_add(&disk);
  ASSERT_GE(id, 0);
  const std::string other = dir_ / "other";
  const int in_its_place = open(other.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(dup2(in_its_place, fd), fd);
  char point[32];
  ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id), 0, "ext4", 0, nullptr, point, sizeof point),
            0);
  EXPECT_EQ(lkl_sys_mkdir((std::string(point) + "/d").c_str(), 0755), 0);
  EXPECT_EQ(lkl_umount_dev(static_cast<unsigned>(id), 0, 0, 1000), 0);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  EXPECT_EQ(lseek(in_its_place, 0, SEEK_END), 0);
  EXPECT_EQ(image.check(), "");
  close(in_its_place);
  close(fd);
}

TEST_F(DurabilityTest, AForkedChildThatCleansUpLeavesTheLock) {
  if (kThreadSanitizer) GTEST_SKIP() << kWhyNoForkBesideThreads;
  Image image(dir_, "ext4", 32);
  ASSERT_EQ(image.mount(), "");
  EXPECT_EQ(in_child([] {
              lkl_sys_halt();
              lkl_cleanup();
              return 0;
            }),
            0);
  const int again = open(image.path().c_str(), O_RDWR);
  lkl_disk second = {};
  second.fd = again;
  EXPECT_EQ(lkl_disk_add(&second), -LKL_EBUSY);
  ASSERT_EQ(image.umount(), "");
  EXPECT_GE(lkl_disk_add(&second), 0);
  EXPECT_EQ(lkl_disk_remove(second), 0);
  close(again);
}
