// SPDX-License-Identifier: GPL-2.0
//
// Files that the host has collected writes for: nobody may see by that that it has.
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

namespace {

constexpr size_t kMebibyte = 1 << 20;

bool write_all(int fd, const std::string& text) {
  return write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// "0-100 200-300": the data of a file by SEEK_DATA and SEEK_HOLE.
std::string data_of(int fd) {
  std::string parts;
  off_t at = 0;
  while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
    const off_t end = lseek(fd, at, SEEK_HOLE);
    parts += (parts.empty() ? "" : " ") + std::to_string(at) + "-" + std::to_string(end);
    at = end;
  }
  return parts + (errno == ENXIO ? "" : " error " + std::to_string(errno));
}

int set_flag(const char* path, int flag, bool on) {
  const int fd = open(path, O_RDONLY);
  int flags = 0;
  int result = ioctl(fd, FS_IOC_GETFLAGS, &flags);
  flags = on ? flags | flag : flags & ~flag;
  if (result == 0) result = ioctl(fd, FS_IOC_SETFLAGS, &flags);
  close(fd);
  return result;
}

void give_up_if_flags_are_refused() {
  put("m/flag", "");
  if (set_flag("m/flag", FS_APPEND_FL, true) != 0) GTEST_SKIP() << "may not make files append-only";
  set_flag("m/flag", FS_APPEND_FL, false);
}

std::string times_of(const std::string& path) {
  const struct stat status = status_of(path.c_str());
  return path + " " + std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec) + " " + std::to_string(status.st_ctim.tv_sec) +
         "." + std::to_string(status.st_ctim.tv_nsec) + "\n";
}

}  // namespace

TEST_P(PosixTest, DataThatWasNotSentIsData) {
  const int fd = make("m/f", std::string(kMebibyte, 'x'));
  EXPECT_EQ(data_of(fd), "0-1048576");
  EXPECT_TRUE(write_all(fd, std::string(kMebibyte, 'y')));
  EXPECT_EQ(data_of(fd), "0-2097152");
  EXPECT_EQ(pwrite(fd, "end", 3, 8 * kMebibyte), 3);
  EXPECT_EQ(data_of(fd), "0-2097152 8388608-8388611");
  EXPECT_EQ(pwrite(fd, "middle", 6, 4 * kMebibyte), 6);
  EXPECT_EQ(data_of(fd), "0-2097152 4194304-4198400 8388608-8388611");
  EXPECT_EQ(lseek(fd, 9 * kMebibyte, SEEK_DATA), -1);
  EXPECT_EQ(errno, ENXIO);
  EXPECT_EQ(lseek(fd, 9 * kMebibyte, SEEK_HOLE), -1);
  EXPECT_EQ(errno, ENXIO);
  // By another descriptor, as cp(1) does; it makes what it takes for a hole one.
  EXPECT_EQ(pwrite(fd, "more", 4, 6 * kMebibyte), 4);
  shell("cp m/f copy && cmp m/f copy");
  close(fd);
  shell("cmp m/f copy");
}

// Whoever waits for the host must not be who serves it.
TEST_P(PosixTest, OneThreadIsEnoughForThat) {
  remount("max_threads=1");
  std::vector<int> files;
  for (int i = 0; i < 20; ++i) {
    files.push_back(make(("m/f" + std::to_string(i)).c_str(), std::string(100'000, 'x')));
    EXPECT_EQ(data_of(files.back()), "0-100000");
  }
  std::vector<std::thread> seekers;
  for (const int fd : files)
    seekers.emplace_back([fd] {
      EXPECT_EQ(pwrite(fd, "z", 1, 200'000), 1);
      EXPECT_EQ(lseek(fd, 150'000, SEEK_DATA), 196'608);
    });
  for (std::thread& seeker : seekers) seeker.join();
  for (const int fd : files) close(fd);
}

// What was accepted is there; what is not there was refused.
TEST_P(PosixTest, AFullImageKeepsWhatItAccepted) {
  for (const size_t size : {kMebibyte, size_t{100'000}, size_t{4096}}) {
    SCOPED_TRACE(size);
    int fd = make("m/big");
    size_t accepted = 0;
    ssize_t n = 0;
    std::string block(size, ' ');
    // The rest of the image, for small ones, is taken at once.
    if (size < kMebibyte) {
      struct statvfs space = {};
      ASSERT_EQ(statvfs("m", &space), 0);
      const auto left = static_cast<off_t>(space.f_bavail * space.f_bsize);
      EXPECT_EQ(fallocate(fd, 0, 0, std::max<off_t>(left - 12 * off_t{kMebibyte}, 4096)), 0);
      close(fd);
      fd = make("m/next");
    }
    constexpr int kMost = 4000;
    for (int i = 0; i < kMost; ++i) {
      std::fill(block.begin(), block.end(), static_cast<char>('a' + i % 26));
      n = write(fd, block.data(), block.size());
      if (n != static_cast<ssize_t>(size)) break;
      accepted += size;
    }
    if (n > 0 && n < static_cast<ssize_t>(size)) accepted += static_cast<size_t>(n);
    if (n != static_cast<ssize_t>(size)) {
      EXPECT_EQ(write(fd, block.data(), block.size()), -1);
      EXPECT_EQ(errno, ENOSPC);
    } else {
      EXPECT_LT(size, 5000u) << "never full";
    }
    // Reading goes on.
    char first = 0;
    EXPECT_EQ(pread(fd, &first, 1, 0), 1);
    EXPECT_EQ(first, 'a');
    EXPECT_EQ(fsync(fd), 0) << strerror(errno);
    EXPECT_EQ(close(fd), 0) << strerror(errno);
    const int small = open("m/small", O_CREAT | O_WRONLY | O_TRUNC, 0644);
    const bool kept = small >= 0 && write(small, "hello", 5) == 5;
    if (small >= 0) close(small);
    remount();
    if (kept) {
      EXPECT_EQ(get("m/small"), "hello");
    }
    const char* const name = size < kMebibyte ? "m/next" : "m/big";
    ASSERT_EQ(status_of(name).st_size, static_cast<off_t>(accepted));
    const int again = open(name, O_RDONLY);
    std::string read_back(size, ' ');
    for (size_t at = 0; at + size <= accepted; at += size) {
      ASSERT_EQ(pread(again, read_back.data(), size, static_cast<off_t>(at)),
                static_cast<ssize_t>(size));
      ASSERT_EQ(read_back, std::string(size, static_cast<char>('a' + at / size % 26))) << at;
    }
    close(again);
    shell("rm -f m/big m/next m/small; sync m");
    put("m/after", "fits again");
    EXPECT_EQ(get("m/after"), "fits again");
  }
}

TEST_P(PosixTest, SynchronousWritesAreThere) {
  struct {
    const char* options;
    int flags;
    int per_write;
  } const cases[] = {
      {"sync", 0, 0},
      {"opts=sync", 0, 0},
      {"", O_SYNC, 0},
      {"", O_DSYNC, 0},
      {"", 0, RWF_DSYNC},
      {"no_writeback", O_DSYNC, 0},
      {"direct_io", O_DSYNC, 0},
      {"direct_io", 0, RWF_SYNC},
      {"direct_io,sync", 0, 0},
  };
  int number = 0;
  for (const auto& one : cases) {
    SCOPED_TRACE(std::string(one.options) + " " + std::to_string(one.flags));
    const std::string name = "m/f" + std::to_string(number++);
    remount(one.options);
    const int fd = open(name.c_str(), O_CREAT | O_WRONLY | one.flags, 0644);
    std::string text(5000, 'x');
    const iovec part = {text.data(), text.size()};
    EXPECT_EQ(pwritev2(fd, &part, 1, 0, one.per_write), 5000);
    // the file's name is for its directory to keep
    const int directory = open("m", O_RDONLY | O_DIRECTORY);
    EXPECT_EQ(fsync(directory), 0);
    close(directory);
    kill_it();
    close(fd);
    ASSERT_EQ(mount(image_), "");
    EXPECT_EQ(get(name.c_str()), text);
  }
}

TEST_P(PosixTest, AppendOnlyFilesAreAppendedTo) {
  for (const char* options : {"", "no_writeback", "direct_io", "max_threads=1"}) {
    SCOPED_TRACE(options);
    remount(options);
    give_up_if_flags_are_refused();
    if (IsSkipped()) return;
    const int before = open("m/log", O_CREAT | O_RDWR | O_APPEND | O_TRUNC, 0644);
    ASSERT_TRUE(write_all(before, "before\n"));
    ASSERT_EQ(set_flag("m/log", FS_APPEND_FL, true), 0) << strerror(errno);
    ASSERT_TRUE(write_all(before, "by the old descriptor\n"));
    const int after = open("m/log", O_WRONLY | O_APPEND);
    ASSERT_GE(after, 0) << strerror(errno);
    std::string expected = "before\nby the old descriptor\n";
    for (int i = 0; i < 300; ++i) {
      const std::string line = std::to_string(i) + std::string(static_cast<size_t>(i), '.') + "\n";
      expected += line;
      ASSERT_TRUE(write_all(i % 3 ? after : before, line)) << strerror(errno);
    }
    const std::string much(3 * kMebibyte, 'm');
    ASSERT_TRUE(write_all(after, much));
    EXPECT_EQ(open("m/log", O_WRONLY), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(open("m/log", O_WRONLY | O_APPEND | O_TRUNC), -1);
    EXPECT_EQ(truncate("m/log", 0), -1);
    EXPECT_EQ(fsync(after), 0) << strerror(errno);
    EXPECT_EQ(close(after), 0);
    EXPECT_EQ(close(before), 0);
    const std::string times = times_of("m/log");
    remount();
    EXPECT_EQ(times_of("m/log"), times);
    EXPECT_EQ(status_of("m/log").st_size, static_cast<off_t>(expected.size() + much.size()));
    EXPECT_EQ(get("m/log").substr(0, expected.size()), expected);
    EXPECT_EQ(shell("tail -c +" + std::to_string(expected.size() + 1) + " m/log | tr -d m"), "");
    // and no longer
    ASSERT_EQ(set_flag("m/log", FS_APPEND_FL, false), 0);
    EXPECT_EQ(truncate("m/log", 0), 0);
    put("m/log", "over");
    EXPECT_EQ(get("m/log"), "over");
  }
}

TEST_P(PosixTest, WhatWasWrittenBeforeAFileBecameImmutable) {
  give_up_if_flags_are_refused();
  if (IsSkipped()) return;
  const std::string text(300'000, 'i');
  const int fd = make("m/f", text);
  ASSERT_EQ(set_flag("m/f", FS_IMMUTABLE_FL, true), 0);
  EXPECT_EQ(close(fd), 0);
  EXPECT_EQ(open("m/f", O_WRONLY), -1);
  remount();
  EXPECT_EQ(get("m/f"), text);
  EXPECT_EQ(set_flag("m/f", FS_IMMUTABLE_FL, false), 0);
}

TEST_P(PosixTest, TimesAreTheSameAfterwards) {
  std::string names;
  const auto file = [&](const std::string& name) {
    names += " m/" + name;
    usleep(3000);
    return make(("m/" + name).c_str(), name);
  };
  close(file("made"));
  int fd = file("appended");
  usleep(9000);
  EXPECT_TRUE(write_all(fd, std::string(100'000, 'x')));
  close(fd);
  fd = file("mode");
  usleep(9000);
  EXPECT_EQ(fchmod(fd, 0600), 0);
  close(fd);
  fd = file("cut");
  usleep(9000);
  EXPECT_EQ(ftruncate(fd, 1), 0);
  close(fd);
  fd = file("allocated");
  usleep(9000);
  EXPECT_EQ(fallocate(fd, 0, 0, 50'000), 0);
  close(fd);
  close(file("linked"));
  usleep(9000);
  EXPECT_EQ(link("m/linked", "m/other"), 0);
  close(file("old-name"));
  usleep(9000);
  EXPECT_EQ(rename("m/old-name", "m/new-name"), 0);
  close(file("attribute"));
  usleep(9000);
  EXPECT_EQ(setxattr("m/attribute", "user.a", "b", 1, 0), 0);
  close(file("emptied"));
  usleep(9000);
  close(open("m/emptied", O_WRONLY | O_TRUNC));
  close(file("dated"));
  const timespec times[2] = {{1, 2}, {3, 4}};
  EXPECT_EQ(utimensat(AT_FDCWD, "m/dated", times, 0), 0);
  fd = file("synchronised");
  usleep(9000);
  EXPECT_TRUE(write_all(fd, "more"));
  EXPECT_EQ(fsync(fd), 0);
  close(fd);
  const auto all = [] {
    return shell("stat -c '%n %y %z' m/[a-z]*[!d]");  // not lost+found
  };
  const std::string before = all();
  remount();
  EXPECT_EQ(all(), before);
}

// An inode of 128 bytes has whole seconds.
TEST_F(FuseTest, CoarseTimesAreTheSameAfterwards) {
  shell("truncate -s 32M image && mkfs.ext4 -q -I 128 image 2>/dev/null");
  ASSERT_EQ(mount("image"), "");
  put("m/f", "x");
  shell("cp /bin/true m/g; ln m/f m/h; chmod 600 m/g");
  const std::string before = shell("stat -c '%n %y %z' m/f m/g");
  umount();
  ASSERT_EQ(mount("image"), "");
  EXPECT_EQ(shell("stat -c '%n %y %z' m/f m/g"), before);
  umount();
}

TEST_P(PosixTest, WhatIsMadeLaterIsNotOlder) {
  timespec last = {};
  for (int i = 0; i < 300; ++i) {
    const std::string name = "m/n" + std::to_string(i);
    if (i % 3 == 0)
      mkdir(name.c_str(), 0755);
    else if (i % 3 == 1)
      put(name.c_str(), "x");
    else
      symlink("to", name.c_str());
    const struct stat status = status_of(name.c_str());
    EXPECT_FALSE(status.st_ctim.tv_sec < last.tv_sec ||
                 (status.st_ctim.tv_sec == last.tv_sec && status.st_ctim.tv_nsec < last.tv_nsec))
        << i;
    last = status.st_ctim;
    if (i % 7 == 0) usleep(2000);
  }
}

// A reader fills the host's cache while what it reads is replaced past it.
TEST_P(PosixTest, DirectWritesLeaveNothingStale) {
  constexpr size_t kSize = 128 << 10;
  const int direct = open("m/f", O_CREAT | O_RDWR | O_DIRECT, 0644);
  const int plain = open("m/f", O_RDONLY);
  const std::unique_ptr<char, decltype(&free)> data(
      static_cast<char*>(std::aligned_alloc(4096, kSize)), free);
  std::memset(data.get(), 0, kSize);
  ASSERT_EQ(pwrite(direct, data.get(), kSize, 0), static_cast<ssize_t>(kSize));
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      const int own = open("m/f", O_RDONLY);
      std::vector<char> buffer(kSize);
      while (!done && pread(own, buffer.data(), kSize, 0) > 0) {
      }
      close(own);
    });
  aio_context_t context = 0;
  ASSERT_EQ(syscall(SYS_io_setup, 4, &context), 0);
  std::vector<char> got(kSize);
  constexpr int kRounds = 300;
  for (int i = 0; i < kRounds && !HasFailure(); ++i) {
    std::memset(data.get(), i % 127 + 1, kSize);
    iocb block = {};
    block.aio_lio_opcode = IOCB_CMD_PWRITE;
    block.aio_fildes = static_cast<unsigned>(direct);
    block.aio_buf = reinterpret_cast<std::uint64_t>(data.get());
    block.aio_nbytes = kSize;
    iocb* blocks[] = {&block};
    io_event event;
    EXPECT_EQ(syscall(SYS_io_submit, context, 1, blocks), 1);
    EXPECT_EQ(syscall(SYS_io_getevents, context, 1, 1, &event, nullptr), 1);
    EXPECT_EQ(event.res, static_cast<long long>(kSize));
    EXPECT_EQ(pread(plain, got.data(), kSize, 0), static_cast<ssize_t>(kSize));
    EXPECT_EQ(std::memcmp(got.data(), data.get(), kSize), 0) << "round " << i;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  syscall(SYS_io_destroy, context);
  close(direct);
  close(plain);
}

}  // namespace lkl_fuse_test
