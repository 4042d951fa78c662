// SPDX-License-Identifier: GPL-2.0
// What is read comes while the kernel is busy for seconds with something else, in threads of its
// own: nobody has to wait for I/O until the virtual CPU has nothing to do.
#include <lkl/linux/fadvise.h>

#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "fs/image.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr uint64_t kBlock = 4096, kBlocks = 1 << 15;

// A disk of the application's own: each block begins with its number.
int capacity(lkl_disk, unsigned long long* size) {
  *size = kBlocks * kBlock;
  return 0;
}
int request(lkl_disk, lkl_blk_req* request) {
  if (request->type != LKL_DEV_BLK_TYPE_READ) return LKL_DEV_BLK_STATUS_UNSUP;
  uint64_t offset = request->sector * 512;
  for (int i = 0; i < request->count; ++i) {
    auto* const to = static_cast<char*>(request->buf[i].iov_base);
    for (uint64_t at = 0; at < request->buf[i].iov_len; ++at, ++offset) {
      const uint64_t number = offset / kBlock;
      to[at] = offset % kBlock < 8 ? static_cast<char>(number >> (8 * (offset % kBlock))) : 0;
    }
  }
  return LKL_DEV_BLK_STATUS_OK;
}

using BusyTest = KernelTest;

}  // namespace

TEST_F(BusyTest, ReadsEndWhileWorkersCompress) {
  // a disk that answers at once: no moment in which the CPU would have nothing to do
  const TempDir dir("/dev/shm");
  Image image(dir, "btrfs", 256);
  ASSERT_EQ(image.mount(0, "compress-force=zstd:15"), "");
  const int file = static_cast<int>(
      lkl_sys_open((image.point() + "/f").c_str(), LKL_O_CREAT | LKL_O_RDWR, 0600));
  ASSERT_GE(file, 0);
  std::mt19937 random(1);
  std::string text(24 << 20, 0);
  for (char& c : text) c = "etaoinshrdlu ETA"[random() % 16];
  ASSERT_EQ(lkl_sys_write(file, text.data(), text.size()), static_cast<long>(text.size()));

  lkl_dev_blk_ops ops = {.get_capacity = capacity, .request = request};
  lkl_disk disk = {};
  disk.ops = &ops;
  const int id = lkl_disk_add(&disk);
  ASSERT_GE(id, 0);
  __lkl__u32 number;
  ASSERT_EQ(lkl_get_virtio_blkdev(id, 0, &number), 0);
  ASSERT_EQ(lkl_sys_mknod("/own", LKL_S_IFBLK | 0600, number), 0);
  const int own = static_cast<int>(lkl_sys_open("/own", LKL_O_RDONLY, 0));
  ASSERT_GE(own, 0);
  ASSERT_EQ(lkl_sys_fadvise64(own, 0, 0, LKL_POSIX_FADV_RANDOM), 0);

  std::atomic<bool> stop = false, syncing = false;
  std::atomic<int> reads = 0;
  std::thread reader([&] {
    // each of them once, none beside the last one
    for (uint64_t i = 0; i < kBlocks && !stop; ++i) {
      const uint64_t wanted = i * 40'503 % kBlocks;
      uint64_t there = ~wanted;
      char block[kBlock];
      ASSERT_EQ(lkl_sys_pread64(own, block, kBlock, static_cast<lkl_loff_t>(wanted * kBlock)),
                static_cast<long>(kBlock));
      std::memcpy(&there, block, sizeof there);
      ASSERT_EQ(there, wanted);
      if (syncing) ++reads;
    }
  });
  syncing = true;
  EXPECT_EQ(lkl_sys_fsync(file), 0);
  syncing = false;
  stop = true;
  reader.join();
  EXPECT_GE(reads, 10);

  lkl_sys_close(own);
  lkl_sys_close(file);
  EXPECT_EQ(lkl_disk_remove(disk), 0);
  EXPECT_EQ(image.umount(), "");
}
