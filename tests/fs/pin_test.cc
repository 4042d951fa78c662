// SPDX-License-Identifier: GPL-2.0
// Direct I/O pins the pages of its memory: as pins, which are all given back.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "support/host_tools.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr size_t kSize = 256 << 10;

struct FileSystem {
  const char* type;
  const char* make;  // what makes it of a file
};

void PrintTo(const FileSystem& system, std::ostream* out) {
  *out << system.type;
}

class PinTest : public KernelTest, public ::testing::WithParamInterface<FileSystem> {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    const std::string image = dir_ / "image";
    std::string said;
    ASSERT_EQ(run("truncate -s 64M " + image + " && " + GetParam().make + " " + image, &said), 0)
        << said;
    fd_ = open(image.c_str(), O_RDWR | O_CLOEXEC);
    disk_.fd = fd_;
    id_ = lkl_disk_add(&disk_);
    ASSERT_GE(id_, 0);
    char point[32];
    ASSERT_EQ(lkl_mount_dev(static_cast<unsigned>(id_), 0, GetParam().type, 0, nullptr, point,
                            sizeof point),
              0)
        << kernel_log();
    point_ = point;
    char proc[] = "proc";
    ASSERT_EQ(lkl_mount_fs(proc), 0);
  }
  void TearDown() override {
    if (!point_.empty()) {
      EXPECT_EQ(lkl_umount_dev(static_cast<unsigned>(id_), 0, 0, 1000), 0);
    }
    if (id_ >= 0) {
      EXPECT_EQ(lkl_disk_remove(disk_), 0);
    }
    if (fd_ >= 0) close(fd_);
    KernelTest::TearDown();
  }

  static long number(const char* file, const std::string& name) {
    const std::string text = "\n" + read_kernel_file(file);
    const size_t at = text.find("\n" + name);
    return at == std::string::npos ? -1
                                   : std::strtol(text.c_str() + at + name.size() + 2, nullptr, 10);
  }
  static long pinned() { return number("/proc/vmstat", "nr_foll_pin_acquired"); }
  static long unpinned() { return number("/proc/vmstat", "nr_foll_pin_released"); }
  static long free_kib() { return number("/proc/meminfo", "MemFree:"); }

  static char* map() {
    void* const memory = lkl_sys_mmap(nullptr, kSize, LKL_PROT_READ | LKL_PROT_WRITE,
                                      LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
    return reinterpret_cast<lkl_long>(memory) > 0 ? static_cast<char*>(memory) : nullptr;
  }

  // Writes and reads back.
  static void write_and_read(int fd, int round, char* from, char* to) {
    std::memset(from, 'a' + round, kSize);
    ASSERT_EQ(lkl_sys_pwrite64(fd, from, kSize, 0), static_cast<long>(kSize));
    ASSERT_EQ(lkl_sys_pread64(fd, to, kSize, 0), static_cast<long>(kSize));
    EXPECT_EQ(std::memcmp(from, to, kSize), 0);
  }
  void use(int fd, int round) {
    char* const from = map();
    char* const to = map();
    ASSERT_NE(from, nullptr);
    ASSERT_NE(to, nullptr);
    write_and_read(fd, round, from, to);
    EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(from), kSize), 0);
    EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(to), kSize), 0);
  }

  TempDir dir_;
  int fd_ = -1;
  lkl_disk disk_ = {};
  int id_ = -1;
  std::string point_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, PinTest,
                         ::testing::Values(FileSystem{"ext4", "mke2fs -q -F -t ext4"},
                                           FileSystem{"vfat", "mkfs.vfat"},
                                           FileSystem{"exfat", "mkfs.exfat"},
                                           FileSystem{"udf", "mkudffs -b 512"}),
                         [](const auto& info) { return std::string(info.param.type); });

TEST_P(PinTest, AllPagesAreGivenBack) {
  const std::string path = point_ + "/file";
  const int fd =
      static_cast<int>(lkl_sys_open(path.c_str(), LKL_O_CREAT | LKL_O_RDWR | LKL_O_DIRECT, 0644));
  ASSERT_GE(fd, 0);
  use(fd, 0);
  ASSERT_EQ(lkl_sys_fsync(fd), 0);
  const long before = pinned(), free_before = free_kib();
  ASSERT_GE(before, 0);
  constexpr int kRounds = 20;
  for (int round = 1; round <= kRounds; ++round) use(fd, round);
  // At least for the reads: some file systems write by their cache. Older ones hold pages
  // otherwise.
  if (kernel_version() >= std::pair(6, 5)) {
    EXPECT_GE(pinned() - before, static_cast<long>(kRounds * kSize / 4096));
  }
  // Linux does not count the pins that fs/direct-io.c adds to those it has, but counts their end.
  if (GetParam().type == std::string("ext4")) {
    EXPECT_EQ(pinned(), unpinned());
  } else {
    EXPECT_LE(pinned(), unpinned());
  }
  ASSERT_EQ(lkl_sys_fsync(fd), 0);
  // A page of each round that stayed would be more.
  EXPECT_GT(free_kib(), free_before - kRounds * static_cast<long>(kSize / 1024) / 4);
  lkl_sys_close(fd);
}

#ifdef LKL_TEST_MAPPED
// The program's own memory, when it is imported.
TEST_P(PinTest, OfImportedMemory) {
  const std::string path = point_ + "/file";
  const int fd =
      static_cast<int>(lkl_sys_open(path.c_str(), LKL_O_CREAT | LKL_O_RDWR | LKL_O_DIRECT, 0644));
  ASSERT_GE(fd, 0);
  const auto memory = static_cast<char*>(
      mmap(nullptr, 2 * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  const auto use_imported = [&](int round) {
    ASSERT_EQ(lkl_memory_import(memory, 2 * kSize), 0);
    write_and_read(fd, round, memory, memory + kSize);
    ASSERT_EQ(lkl_memory_release(memory, 2 * kSize), 0);
    EXPECT_EQ(memory[2 * kSize - 1], static_cast<char>('a' + round));
  };
  use_imported(0);
  ASSERT_EQ(lkl_sys_fsync(fd), 0);
  const long free_before = free_kib();
  // more than the processor keeps of what is free for its own next use
  constexpr int kRounds = 100;
  for (int round = 1; round <= kRounds; ++round) use_imported(round);
  if (GetParam().type == std::string("ext4")) {
    EXPECT_EQ(pinned(), unpinned());
  }
  EXPECT_EQ(lkl_sys_pread64(fd, memory, kSize, 0), -LKL_EFAULT);
  ASSERT_EQ(lkl_sys_fsync(fd), 0);
  EXPECT_GT(free_kib(), free_before - kRounds * static_cast<long>(kSize / 1024) / 4);
  lkl_sys_close(fd);
  munmap(memory, 2 * kSize);
}
#endif
