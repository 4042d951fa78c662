// SPDX-License-Identifier: GPL-2.0
// Every kind of file and directory call, on file systems of each kind.
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fs/file_system_test.h"

using namespace lkl_test;

namespace {

class FileTest : public FileSystemTest {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, FileTest, ::testing::Values("ramfs", "ext4", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });
#ifdef LKL_TEST_MAPPED
INSTANTIATE_TEST_SUITE_P(OnMapped, FileTest, ::testing::Values("tmpfs", "xfs", "f2fs"),
                         [](const auto& info) { return std::string(info.param); });
#endif

TEST_P(FileTest, ReadsWhatWasWritten) {
  const int fd = open_file("file");
  ASSERT_GE(fd, 0);
  std::string text(100000, 0);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 + i / 253);
  ASSERT_EQ(lkl_sys_write(fd, text.data(), text.size()), 100000);
  EXPECT_EQ(lkl_sys_lseek(fd, 10, LKL_SEEK_SET), 10);
  std::string back(200000, 0);
  EXPECT_EQ(lkl_sys_read(fd, back.data(), back.size()), 99990);
  EXPECT_EQ(back.substr(0, 99990), text.substr(10));
  EXPECT_EQ(lkl_sys_pread64(fd, back.data(), 5, 50000), 5);
  EXPECT_EQ(back.substr(0, 5), text.substr(50000, 5));
  EXPECT_EQ(lkl_sys_pwrite64(fd, "hello", 5, 99998), 5);
  lkl_stat st;
  ASSERT_EQ(lkl_sys_fstat(fd, &st), 0);
  EXPECT_EQ(st.st_size, 100003);
  lkl_iovec parts[2] = {{back.data(), 3}, {back.data() + 10, 4}};
  EXPECT_EQ(lkl_sys_preadv(fd, parts, 2, 99998, 0), 5);
  EXPECT_EQ(back.substr(0, 3) + back.substr(10, 2), "hello");
  EXPECT_EQ(lkl_sys_ftruncate(fd, 7), 0);
  EXPECT_EQ(lkl_sys_pread64(fd, back.data(), 100, 0), 7);
  EXPECT_EQ(lkl_sys_fsync(fd), 0);
  EXPECT_EQ(lkl_sys_fdatasync(fd), 0);
  EXPECT_EQ(lkl_sys_close(fd), 0);
  EXPECT_EQ(lkl_sys_read(fd, back.data(), 1), -LKL_EBADF);
}

// O_DIRECT, into memory that devices can reach. Holes, allocated but empty parts, and the end that
// fills no block are each read in another way.
TEST_P(FileTest, DirectReads) {
  if (!on_disk()) GTEST_SKIP() << "it is its own page cache";
  constexpr size_t kBlock = 4096, kSize = 64 * kBlock;
  void* const memory = lkl_sys_mmap(nullptr, kSize, LKL_PROT_READ | LKL_PROT_WRITE,
                                    LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
  ASSERT_GT(reinterpret_cast<lkl_long>(memory), 0);
  const std::string data(32 * kBlock, 'd');
  const int fd = open_file("file");
  std::string expected;
  const auto compare = [&](const char* what) {
    const int direct = static_cast<int>(lkl_sys_open("file", LKL_O_RDONLY | LKL_O_DIRECT, 0));
    ASSERT_GE(direct, 0);
    std::memset(memory, '?', kSize);
    std::string got;
    long n;
    while ((n = lkl_sys_pread64(direct, static_cast<char*>(memory), kSize,
                                static_cast<lkl_loff_t>(got.size()))) > 0)
      got.append(static_cast<char*>(memory), static_cast<size_t>(n));
    // what ends within a block can only be read on in the other way
    EXPECT_TRUE(n == 0 || got.size() % kBlock != 0) << what << " " << n;
    EXPECT_TRUE(got == expected) << what << ": " << got.size() << " of " << expected.size();
    lkl_sys_close(direct);
  };
  ASSERT_EQ(lkl_sys_pwrite64(fd, data.data(), data.size(), 0), static_cast<long>(data.size()));
  expected = data;
  compare("dirty");
  ASSERT_EQ(lkl_sys_fallocate(fd, LKL_FALLOC_FL_PUNCH_HOLE | LKL_FALLOC_FL_KEEP_SIZE, 8 * kBlock,
                              8 * kBlock),
            0);
  expected.replace(8 * kBlock, 8 * kBlock, 8 * kBlock, '\0');
  compare("with a hole");
  ASSERT_EQ(lkl_sys_ftruncate(fd, 17 * kBlock + 100), 0);
  expected.resize(17 * kBlock + 100);
  compare("cut");
  ASSERT_EQ(lkl_sys_ftruncate(fd, 10), 0);
  ASSERT_EQ(lkl_sys_ftruncate(fd, 20), 0);
  expected = data.substr(0, 10) + std::string(10, '\0');
  compare("small");
  lkl_sys_close(fd);
  EXPECT_EQ(lkl_sys_munmap(reinterpret_cast<lkl_ulong>(memory), kSize), 0);
}

TEST_P(FileTest, OpenFlags) {
  const int fd = open_file("f");
  ASSERT_EQ(lkl_sys_write(fd, "12345", 5), 5);
  EXPECT_EQ(open_file("f", LKL_O_CREAT | LKL_O_EXCL | LKL_O_RDWR), -LKL_EEXIST);
  EXPECT_EQ(open_file("nothing", LKL_O_RDONLY), -LKL_ENOENT);
  EXPECT_EQ(open_file("f", LKL_O_RDONLY | LKL_O_DIRECTORY), -LKL_ENOTDIR);
  EXPECT_EQ(open_file(".", LKL_O_RDWR), -LKL_EISDIR);
  const int append = open_file("f", LKL_O_WRONLY | LKL_O_APPEND);
  EXPECT_EQ(lkl_sys_write(append, "67", 2), 2);
  char c;
  EXPECT_EQ(lkl_sys_read(append, &c, 1), -LKL_EBADF);
  lkl_stat st;
  EXPECT_EQ(lkl_sys_stat("f", &st), 0);
  EXPECT_EQ(st.st_size, 7);
  lkl_sys_close(open_file("f", LKL_O_RDWR | LKL_O_TRUNC));
  EXPECT_EQ(lkl_sys_stat("f", &st), 0);
  EXPECT_EQ(st.st_size, 0);
  EXPECT_EQ(lkl_sys_open(std::string(300, 'n').c_str(), LKL_O_CREAT, 0644), -LKL_ENAMETOOLONG);
}

TEST_P(FileTest, NamesAndLinks) {
  lkl_sys_close(open_file("a"));
  lkl_stat st, other;
  EXPECT_EQ(lkl_sys_link("a", "b"), 0);
  EXPECT_EQ(lkl_sys_stat("a", &st), 0);
  EXPECT_EQ(lkl_sys_stat("b", &other), 0);
  EXPECT_EQ(st.st_ino, other.st_ino);
  EXPECT_EQ(st.st_nlink, 2u);
  EXPECT_EQ(lkl_sys_rename("b", "c"), 0);
  EXPECT_EQ(lkl_sys_access("b", LKL_F_OK), -LKL_ENOENT);
  EXPECT_EQ(lkl_sys_symlink("a", "sym"), 0);
  char target[100];
  EXPECT_EQ(lkl_sys_readlink("sym", target, sizeof target), 1);
  EXPECT_EQ(target[0], 'a');
  EXPECT_EQ(lkl_sys_lstat("sym", &st), 0);
  EXPECT_TRUE(LKL_S_ISLNK(st.st_mode));
  EXPECT_EQ(lkl_sys_unlink("a"), 0);
  EXPECT_EQ(lkl_sys_stat("sym", &st), -LKL_ENOENT);
  EXPECT_EQ(lkl_sys_stat("c", &st), 0);
  EXPECT_EQ(st.st_nlink, 1u);
  EXPECT_EQ(lkl_sys_symlink("loop", "loop"), 0);
  EXPECT_EQ(lkl_sys_stat("loop", &st), -LKL_ELOOP);
  EXPECT_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "c", LKL_AT_FDCWD, "sym", LKL_RENAME_NOREPLACE),
            -LKL_EEXIST);
}

TEST_P(FileTest, AnOpenFileOutlivesItsName) {
  const int fd = open_file("gone");
  ASSERT_EQ(lkl_sys_write(fd, "still here", 10), 10);
  ASSERT_EQ(lkl_sys_unlink("gone"), 0);
  char text[16] = {};
  EXPECT_EQ(lkl_sys_pread64(fd, text, sizeof text, 0), 10);
  EXPECT_STREQ(text, "still here");
  EXPECT_EQ(lkl_sys_close(fd), 0);
}

TEST_P(FileTest, Directories) {
  EXPECT_EQ(lkl_sys_mkdir("d", 0755), 0);
  EXPECT_EQ(lkl_sys_mkdir("d", 0755), -LKL_EEXIST);
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "f" + std::to_string(i);
    made.insert(name);
    lkl_sys_close(open_file(("d/" + name).c_str()));
  }
  EXPECT_EQ(lkl_sys_rmdir("d"), -LKL_ENOTEMPTY);
  int error;
  lkl_dir* dir = lkl_opendir("d", &error);
  ASSERT_NE(dir, nullptr);
  std::set<std::string> found;
  while (const lkl_linux_dirent64* entry = lkl_readdir(dir))
    if (entry->d_name[0] == 'f') found.insert(entry->d_name);
  lkl_closedir(dir);
  EXPECT_EQ(found, made);
  for (const std::string& name : made) ASSERT_EQ(lkl_sys_unlink(("d/" + name).c_str()), 0);
  EXPECT_EQ(lkl_sys_mkdir("e", 0755), 0);
  EXPECT_EQ(lkl_sys_rename("d", "e/d"), 0);
  EXPECT_EQ(lkl_sys_rename("e", "e/d/e"), -LKL_EINVAL);
  EXPECT_EQ(lkl_sys_rmdir("e/d"), 0);
  EXPECT_EQ(lkl_sys_rmdir("e"), 0);
  EXPECT_EQ(lkl_sys_rmdir("e"), -LKL_ENOENT);
}

TEST_P(FileTest, ModesOwnersTimes) {
  lkl_sys_close(open_file("m"));
  EXPECT_EQ(lkl_sys_chmod("m", 04751), 0);
  EXPECT_EQ(lkl_sys_chown("m", 1234, 5678), 0);
  EXPECT_EQ(lkl_sys_chmod("m", 04751), 0);  // chown has cleared the set-id bit
  __lkl__kernel_timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789},
                                     {.tv_sec = 1500000000, .tv_nsec = 987654321}};
  EXPECT_EQ(lkl_sys_utimensat(LKL_AT_FDCWD, const_cast<char*>("m"), times, 0), 0);
  lkl_statx stx = {};
  EXPECT_EQ(lkl_sys_statx(LKL_AT_FDCWD, "m", 0, LKL_STATX_BASIC_STATS, &stx), 0);
  EXPECT_EQ(stx.stx_mode & 07777, 04751);
  EXPECT_EQ(stx.stx_uid, 1234u);
  EXPECT_EQ(stx.stx_gid, 5678u);
  EXPECT_EQ(stx.stx_mtime.tv_sec, 1500000000);
  EXPECT_EQ(stx.stx_mtime.tv_nsec, 987654321u);
  EXPECT_EQ(stx.stx_atime.tv_nsec, 123456789u);
  EXPECT_EQ(lkl_sys_mknod("fifo", LKL_S_IFIFO | 0600, 0), 0);
  EXPECT_EQ(lkl_sys_mknod("dev", LKL_S_IFCHR | 0600, LKL_MAKEDEV(1u, 3u)), 0);
  lkl_stat st;
  EXPECT_EQ(lkl_sys_stat("dev", &st), 0);
  EXPECT_EQ(st.st_rdev, LKL_MAKEDEV(1u, 3u));
}

TEST_P(FileTest, HolesAndAllocation) {
  const int fd = open_file("sparse");
  ASSERT_EQ(lkl_sys_pwrite64(fd, "x", 1, 10 << 20), 1);
  lkl_stat st;
  ASSERT_EQ(lkl_sys_fstat(fd, &st), 0);
  EXPECT_EQ(st.st_size, (10 << 20) + 1);
  EXPECT_LT(st.st_blocks, 2048);
  char zeroes[100];
  std::memset(zeroes, 1, sizeof zeroes);
  ASSERT_EQ(lkl_sys_pread64(fd, zeroes, sizeof zeroes, 5 << 20), 100);
  for (const char c : zeroes) ASSERT_EQ(c, 0);
  if (!on_disk()) return;
  EXPECT_EQ(lkl_sys_fsync(fd), 0);
  EXPECT_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_DATA), 10 << 20);
  EXPECT_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_HOLE), 0);
  EXPECT_EQ(lkl_sys_fallocate(fd, 0, 0, 1 << 20), 0);
  EXPECT_EQ(
      lkl_sys_fallocate(fd, LKL_FALLOC_FL_PUNCH_HOLE | LKL_FALLOC_FL_KEEP_SIZE, 10 << 20, 4096), 0);
  ASSERT_EQ(lkl_sys_pread64(fd, zeroes, 1, 10 << 20), 1);
  EXPECT_EQ(zeroes[0], 0);
}

TEST_P(FileTest, ExtendedAttributes) {
  if (!on_disk()) GTEST_SKIP() << "not in memory";
  lkl_sys_close(open_file("x"));
  EXPECT_EQ(lkl_sys_setxattr("x", "user.color", "blue", 4, 0), 0);
  EXPECT_EQ(lkl_sys_setxattr("x", "user.color", "red", 3, LKL_XATTR_CREATE), -LKL_EEXIST);
  char value[100] = {};
  EXPECT_EQ(lkl_sys_getxattr("x", "user.color", value, sizeof value), 4);
  EXPECT_STREQ(value, "blue");
  EXPECT_EQ(lkl_sys_getxattr("x", "user.none", value, sizeof value), -LKL_ENODATA);
  EXPECT_EQ(lkl_sys_listxattr("x", value, sizeof value), 11);
  EXPECT_EQ(lkl_sys_removexattr("x", "user.color"), 0);
  EXPECT_EQ(lkl_sys_listxattr("x", value, sizeof value), 0);
}

TEST_P(FileTest, StatfsAndSync) {
  lkl_statfs st = {};
  ASSERT_EQ(lkl_sys_statfs(".", &st), 0);
  const std::map<std::string, long> magic = {{"ramfs", 0x858458f6}, {"tmpfs", 0x1021994},
                                             {"ext4", 0xef53},      {"btrfs", 0x9123683e},
                                             {"xfs", 0x58465342},   {"f2fs", 0xf2f52010}};
  EXPECT_EQ(st.f_type, magic.at(GetParam()));
  const int fd = open_file("s");
  EXPECT_EQ(lkl_sys_syncfs(fd), 0);
  EXPECT_EQ(lkl_sys_sync(), 0);
}

// A model of one file beside the real one: random writes, truncations and reads.
TEST_P(FileTest, RandomWritesAgainstAModel) {
  constexpr unsigned kSeed = 4711;
  std::mt19937 random(kSeed);
  const int fd = open_file("model");
  std::string model;
  for (int i = 0; i < 3000; ++i) {
    const size_t offset = random() % 300000;
    const size_t length = random() % 20000;
    switch (random() % 8) {
      case 0:
        ASSERT_EQ(lkl_sys_ftruncate(fd, static_cast<lkl_long>(offset)), 0);
        model.resize(offset);
        break;
      case 1:
      case 2:
      case 3: {
        std::string back(length, 1);
        const size_t want = offset >= model.size() ? 0 : std::min(length, model.size() - offset);
        ASSERT_EQ(lkl_sys_pread64(fd, back.data(), length, static_cast<lkl_loff_t>(offset)),
                  static_cast<lkl_long>(want))
            << "seed " << kSeed << " step " << i;
        ASSERT_EQ(back.compare(0, want, model, std::min(offset, model.size()), want), 0)
            << "seed " << kSeed << " step " << i;
        break;
      }
      default: {
        const std::string data(length, static_cast<char>(random()));
        ASSERT_EQ(lkl_sys_pwrite64(fd, data.data(), length, static_cast<lkl_loff_t>(offset)),
                  static_cast<lkl_long>(length));
        if (length == 0) break;
        if (model.size() < offset + length) model.resize(offset + length);
        model.replace(offset, length, data);
      }
    }
    if (i % 500 == 0) {
      ASSERT_EQ(lkl_sys_fsync(fd), 0);
    }
  }
}

TEST_P(FileTest, ManyThreadsInOneDirectory) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 100; ++i) {
        const std::string name = "t" + std::to_string(t) + "-" + std::to_string(i);
        const int fd = open_file(name.c_str());
        ASSERT_GE(fd, 0);
        const std::string text(5000, static_cast<char>('a' + t));
        ASSERT_EQ(lkl_sys_write(fd, text.data(), text.size()), 5000);
        if (i % 20 == 0) {
          ASSERT_EQ(lkl_sys_fsync(fd), 0);
        }
        std::string back(5000, 0);
        ASSERT_EQ(lkl_sys_pread64(fd, back.data(), back.size(), 0), 5000);
        ASSERT_EQ(back, text);
        lkl_sys_close(fd);
        if (i % 3 == 0) {
          ASSERT_EQ(lkl_sys_unlink(name.c_str()), 0);
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
}

// What the file system's own tools read from the image is what went in.
TEST_P(FileTest, OtherToolsReadTheSame) {
  if (!on_disk()) GTEST_SKIP() << "it has no image";
  std::string text(1 << 20, 0);
  std::mt19937 random(7);
  for (char& c : text) c = static_cast<char>(random());
  const int fd = open_file("data");
  ASSERT_EQ(lkl_sys_write(fd, text.data(), text.size()), 1 << 20);
  lkl_sys_close(fd);
  ASSERT_EQ(lkl_sys_chdir("/"), 0);
  ASSERT_EQ(image_->umount(), "");
  const std::string out = dir_ / "out";
  std::string said;
  if (is("ext4")) {
    ASSERT_EQ(run("debugfs -R 'dump /data " + out + "' " + image_->path(), &said), 0) << said;
  } else if (!is("btrfs")) {
    ASSERT_EQ(image_->mount(), "");
    GTEST_SKIP() << "nothing else reads " << GetParam() << " without mounting it";
  } else {
    ASSERT_EQ(run("mkdir " + out + ".d && btrfs restore " + image_->path() + " " + out +
                      ".d && mv " + out + ".d/data " + out,
                  &said),
              0)
        << said;
  }
  FILE* file = fopen(out.c_str(), "r");
  ASSERT_NE(file, nullptr) << said;
  std::string back(text.size() + 1, 0);
  EXPECT_EQ(fread(back.data(), 1, back.size(), file), text.size());
  fclose(file);
  back.pop_back();
  EXPECT_EQ(back, text);
  ASSERT_EQ(image_->mount(), "");
}
