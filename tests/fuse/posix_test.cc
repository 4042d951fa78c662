// SPDX-License-Identifier: GPL-2.0
//
// What POSIX and Linux promise of files, through the mount.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

INSTANTIATE_TEST_SUITE_P(On, PosixTest, ::testing::Values("ext4", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(PosixTest, ContentsOutliveTheMount) {
  write_noise("noise", 3 << 20, 7);
  shell("cp noise m/a && mkdir -p m/d/e && cp m/a m/d/e/b && ln -s ../a m/d/link && ln m/a m/hard");
  const std::string before = listing("m");
  const std::string sums = checksums("m");
  remount();
  EXPECT_EQ(listing("m"), before);
  EXPECT_EQ(checksums("m"), sums);
  shell("cmp noise m/d/e/b && cmp noise m/d/link && cmp noise m/hard");
  EXPECT_EQ(status_of("m/a").st_nlink, 2u);
  EXPECT_EQ(status_of("m/a").st_ino, status_of("m/hard").st_ino);
}

// The host keeps the time of a change itself and does not repeat it while its clock stands still;
// the library's clock ticks at other moments. Enough files that some meet one of them.
TEST_P(PosixTest, TimesOfQuickChangesOutliveTheMount) {
  const int source = make("m/source", std::string(64 << 10, 's'));
  alignas(4096) static std::array<char, 4096> block = {};
  for (int i = 0; i < 200; ++i) {
    const std::string name = "m/" + std::to_string(i);
    const int fd = make(name.c_str());
    loff_t from = 0;
    switch (i % 4) {
      case 0:
        EXPECT_EQ(copy_file_range(source, &from, fd, nullptr, 64 << 10, 0), 64 << 10);
        break;
      case 1:
        EXPECT_EQ(fallocate(fd, 0, 0, 64 << 10), 0);
        break;
      case 2:
        put(name.c_str(), "");  // O_TRUNC
        break;
      case 3: {
        const int direct = open(name.c_str(), O_WRONLY | O_DIRECT);
        EXPECT_EQ(write(direct, block.data(), block.size()), static_cast<ssize_t>(block.size()));
        close(direct);
        break;
      }
    }
    close(fd);
  }
  close(source);
  const std::string before = listing("m");
  remount();
  EXPECT_EQ(listing("m"), before);
}

TEST_P(PosixTest, InodeNumbersAreStable) {
  put("m/f", "x");
  mkdir("m/d", 0755);
  const ino_t file = status_of("m/f").st_ino, directory = status_of("m/d").st_ino;
  remount();
  EXPECT_EQ(status_of("m/f").st_ino, file);
  EXPECT_EQ(status_of("m/d").st_ino, directory);
}

TEST_P(PosixTest, Renames) {
  put("m/a", "a");
  put("m/b", "b");
  mkdir("m/d", 0755);
  EXPECT_EQ(renameat2(AT_FDCWD, "m/a", AT_FDCWD, "m/b", RENAME_NOREPLACE), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(renameat2(AT_FDCWD, "m/a", AT_FDCWD, "m/b", RENAME_EXCHANGE), 0);
  EXPECT_EQ(get("m/a"), "b");
  EXPECT_EQ(get("m/b"), "a");
  EXPECT_EQ(rename("m/a", "m/d/c"), 0);
  EXPECT_EQ(get("m/d/c"), "b");
  EXPECT_EQ(rename("m/b", "m/d/c"), 0);
  EXPECT_EQ(get("m/d/c"), "a");
  EXPECT_EQ(rename("m/d", "m/d/below"), -1);
  EXPECT_EQ(errno, EINVAL);
  mkdir("m/full", 0755);
  put("m/full/x", "");
  EXPECT_EQ(rename("m/d", "m/full"), -1);
  EXPECT_EQ(errno, ENOTEMPTY);
  remount();
  EXPECT_EQ(get("m/d/c"), "a");
  EXPECT_EQ(access("m/a", F_OK), -1);
}

TEST_P(PosixTest, AFileLivesUntilItIsClosed) {
  const int fd = make("m/gone", "before");
  EXPECT_EQ(unlink("m/gone"), 0);
  EXPECT_EQ(pwrite(fd, "after!", 6, 0), 6);
  EXPECT_EQ(fsync(fd), 0);
  char text[8] = {};
  EXPECT_EQ(pread(fd, text, 6, 0), 6);
  EXPECT_STREQ(text, "after!");
  struct stat status = {};
  EXPECT_EQ(fstat(fd, &status), 0);
  EXPECT_EQ(status.st_nlink, 0u);
  // a new file of the same name is another one
  put("m/gone", "new");
  EXPECT_EQ(pread(fd, text, 6, 0), 6);
  EXPECT_STREQ(text, "after!");
  close(fd);
  EXPECT_EQ(get("m/gone"), "new");
}

TEST_P(PosixTest, AppendsOfTwoWritersInterleave) {
  const int one = open("m/log", O_CREAT | O_WRONLY | O_APPEND, 0644);
  const int two = open("m/log", O_WRONLY | O_APPEND);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string line = std::to_string(i) + "\n";
    expected += line;
    EXPECT_EQ(write(i % 2 ? one : two, line.data(), line.size()),
              static_cast<ssize_t>(line.size()));
  }
  close(one);
  close(two);
  EXPECT_EQ(get("m/log"), expected);
  remount();
  EXPECT_EQ(get("m/log"), expected);
}

TEST_P(PosixTest, HolesAndAllocation) {
  const int fd = make("m/f");
  ASSERT_EQ(pwrite(fd, "end", 3, 8 << 20), 3);
  ASSERT_EQ(fsync(fd), 0);
  EXPECT_EQ(lseek(fd, 0, SEEK_DATA), 8 << 20);
  EXPECT_EQ(lseek(fd, 0, SEEK_HOLE), 0);
  const std::string block(1 << 20, 'x');
  ASSERT_EQ(pwrite(fd, block.data(), block.size(), 0), static_cast<ssize_t>(block.size()));
  ASSERT_EQ(fsync(fd), 0);
  EXPECT_EQ(lseek(fd, 0, SEEK_HOLE), 1 << 20);
  EXPECT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 64 << 10, 128 << 10), 0);
  char c = 'y';
  EXPECT_EQ(pread(fd, &c, 1, 65 << 10), 1);
  EXPECT_EQ(c, 0);
  EXPECT_EQ(pread(fd, &c, 1, 63 << 10), 1);
  EXPECT_EQ(c, 'x');
  EXPECT_EQ(fallocate(fd, FALLOC_FL_ZERO_RANGE, 300 << 10, 4 << 10), 0);
  EXPECT_EQ(pread(fd, &c, 1, 301 << 10), 1);
  EXPECT_EQ(c, 0);
  EXPECT_EQ(ftruncate(fd, 10), 0);
  EXPECT_EQ(ftruncate(fd, 20), 0);
  close(fd);
  EXPECT_TRUE(get("m/f") == std::string(10, 'x') + std::string(10, '\0'));
  remount();
  EXPECT_TRUE(get("m/f") == std::string(10, 'x') + std::string(10, '\0'));
}

TEST_P(PosixTest, CopyFileRange) {
  write_noise("noise", 1 << 20, 3);
  shell("cp noise m/a");
  const int from = open("m/a", O_RDONLY), to = make("m/b");
  off_t left = 1 << 20;
  while (left > 0) {
    const ssize_t n = copy_file_range(from, nullptr, to, nullptr, static_cast<size_t>(left), 0);
    ASSERT_GT(n, 0) << errno;
    left -= n;
  }
  close(from);
  close(to);
  shell("cmp noise m/b");
}

TEST_P(PosixTest, ModesOwnersTimes) {
  put("m/f", "x");
  EXPECT_EQ(chmod("m/f", 0640), 0);
  if (geteuid() == 0) {
    EXPECT_EQ(chown("m/f", 1234, 5678), 0);
  }
  const timespec times[2] = {{1000000001, 123456789}, {1000000002, 987654321}};
  EXPECT_EQ(utimensat(AT_FDCWD, "m/f", times, 0), 0);
  symlink("f", "m/l");
  const timespec link_times[2] = {{5, 5}, {6, 6}};
  EXPECT_EQ(utimensat(AT_FDCWD, "m/l", link_times, AT_SYMLINK_NOFOLLOW), 0);
  for (int round = 0; round < 2; ++round) {
    const struct stat status = status_of("m/f");
    EXPECT_EQ(status.st_mode & 07777u, 0640u);
    if (geteuid() == 0) {
      EXPECT_EQ(status.st_uid, 1234u);
      EXPECT_EQ(status.st_gid, 5678u);
    }
    EXPECT_EQ(status.st_mtim.tv_sec, 1000000002);
    EXPECT_EQ(status.st_mtim.tv_nsec, 987654321);
    EXPECT_EQ(status_of("m/l").st_mtim.tv_sec, 6);
    if (round == 0) remount();
  }
}

// The host collects writes and keeps the time of the last one: that of the image is the same,
// whenever the data gets there.
TEST_P(PosixTest, TimesOfWritesAreKept) {
  constexpr useconds_t kSomeTicks = 30'000;
  put("m/at-once", "x");
  const int later = make("m/later");
  usleep(kSomeTicks);
  EXPECT_EQ(write(later, "x", 1), 1);
  close(later);
  const int belated = make("m/belated");
  const std::string much(2 << 20, 'b');
  EXPECT_EQ(pwrite(belated, much.data(), much.size(), 0), static_cast<ssize_t>(much.size()));
  EXPECT_EQ(fsync(belated), 0);
  EXPECT_EQ(pwrite(belated, much.data(), much.size(), 0), static_cast<ssize_t>(much.size()));
  usleep(kSomeTicks);
  EXPECT_EQ(sync_file_range(belated, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER), 0);
  close(belated);

  const auto times = [] {
    std::vector<std::pair<time_t, long>> all;
    for (const char* name : {"m/at-once", "m/later", "m/belated"}) {
      const struct stat status = status_of(name);
      all.emplace_back(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    }
    return all;
  };
  const auto before = times();
  EXPECT_LT(before[0], before[1]);
  EXPECT_LT(before[1], before[2]);
  remount();
  EXPECT_EQ(times(), before);
}

// Much at once goes past the library's cache, little through it: both see the same file.
TEST_P(PosixTest, LargeAndSmallWritesMeet) {
  constexpr size_t kSize = 4 << 20;
  std::string model(kSize, '.');
  const int fd = make("m/f", model);
  const auto put_at = [&](size_t at, size_t size, char what) {
    std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(at), size, what);
    EXPECT_EQ(pwrite(fd, model.data() + at, size, static_cast<off_t>(at)),
              static_cast<ssize_t>(size));
  };
  for (int round = 0; round < 3; ++round) {
    put_at(1000, 100, 'a');
    EXPECT_EQ(fsync(fd), 0);
    put_at(0, 1 << 20, 'b');
    put_at((1 << 20) + 5, 7, 'c');
    EXPECT_EQ(fdatasync(fd), 0);
    put_at(300'000, 2 << 20, static_cast<char>('d' + round));
    put_at(kSize - 3, 3, 'e');
    EXPECT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  }
  close(fd);
  remount();
  const int again = open("m/f", O_RDONLY);
  std::string text(kSize + 1, '\0');
  EXPECT_EQ(read(again, text.data(), text.size()), static_cast<ssize_t>(kSize));
  close(again);
  text.resize(kSize);
  EXPECT_TRUE(text == model);
}

TEST_P(PosixTest, SpecialFiles) {
  EXPECT_EQ(mkfifo("m/fifo", 0600), 0);
  EXPECT_TRUE(S_ISFIFO(status_of("m/fifo").st_mode));
  // as much as fits a block of any image here
  const std::string target(900, 't');
  EXPECT_EQ(symlink(target.c_str(), "m/long"), 0);
  std::array<char, 5000> text;
  EXPECT_EQ(readlink("m/long", text.data(), text.size()), 900);
  if (geteuid() == 0) {
    EXPECT_EQ(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)), 0);
    EXPECT_EQ(status_of("m/null").st_rdev, makedev(1, 3));
  }
}

TEST_P(PosixTest, ExtendedAttributes) {
  put("m/f", "x");
  EXPECT_EQ(setxattr("m/f", "user.one", "1", 1, XATTR_CREATE), 0);
  EXPECT_EQ(setxattr("m/f", "user.one", "1", 1, XATTR_CREATE), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(setxattr("m/f", "user.none", "1", 1, XATTR_REPLACE), -1);
  EXPECT_EQ(errno, ENODATA);
  const std::string large(700, 'v');
  EXPECT_EQ(setxattr("m/f", "user.large", large.data(), large.size(), 0), 0);
  remount();
  std::array<char, 4000> value;
  EXPECT_EQ(getxattr("m/f", "user.large", nullptr, 0), 700);
  EXPECT_EQ(getxattr("m/f", "user.large", value.data(), value.size()), 700);
  EXPECT_EQ(getxattr("m/f", "user.large", value.data(), 10), -1);
  EXPECT_EQ(errno, ERANGE);
  const ssize_t n = listxattr("m/f", value.data(), value.size());
  ASSERT_GT(n, 0);
  const std::string names(value.data(), static_cast<size_t>(n));
  EXPECT_NE(names.find("user.one"), std::string::npos);
  EXPECT_EQ(removexattr("m/f", "user.one"), 0);
  EXPECT_EQ(getxattr("m/f", "user.one", value.data(), value.size()), -1);
  EXPECT_EQ(errno, ENODATA);
}

TEST_P(PosixTest, FileFlags) {
  const int fd = make("m/f", "x");
  int flags = 0;
  ASSERT_EQ(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0) << errno;
  flags |= FS_NOATIME_FL;
  EXPECT_EQ(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0) << errno;
  flags = 0;
  EXPECT_EQ(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
  EXPECT_TRUE(flags & FS_NOATIME_FL);
  unsigned long none = 0;
  EXPECT_EQ(ioctl(fd, _IOR('z', 99, none), &none), -1);
  EXPECT_EQ(errno, ENOTTY);
  close(fd);
}

TEST_P(PosixTest, LocksBetweenProcesses) {
  const int fd = make("m/f", "0123456789");
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  struct flock range = {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_len = 5;
  ASSERT_EQ(fcntl(fd, F_SETLK, &range), 0);
  const int code = as_user(geteuid(), getegid(), [] {
    const int own = open("m/f", O_RDWR);
    if (flock(own, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return 1;
    struct flock other = {};
    other.l_type = F_WRLCK;
    other.l_whence = SEEK_SET;
    other.l_len = 1;
    if (fcntl(own, F_SETLK, &other) == 0) return 2;
    other.l_start = 5;
    if (fcntl(own, F_SETLK, &other) != 0) return 3;
    return 0;
  });
  EXPECT_EQ(code, 0);
  close(fd);
}

TEST_P(PosixTest, DirectoriesAreReadWhole) {
  constexpr int kFiles = 5000;
  std::set<std::string> expected;
  mkdir("m/d", 0755);
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "a-name-of-some-length-" + std::to_string(i);
    close(open(("m/d/" + name).c_str(), O_CREAT | O_WRONLY, 0644));
    expected.insert(name);
  }
  for (int round = 0; round < 2; ++round) {
    std::multiset<std::string> seen;
    DIR* const directory = opendir("m/d");
    while (const dirent* entry = readdir(directory)) seen.insert(entry->d_name);
    closedir(directory);
    EXPECT_EQ(seen.size(), expected.size() + 2);
    EXPECT_TRUE(std::ranges::includes(seen, expected));
    if (round == 0) remount();
  }
  // what is read while names are removed: each of the rest comes once
  DIR* const directory = opendir("m/d");
  int removed = 0;
  while (const dirent* entry = readdir(directory))
    if (entry->d_name[0] != '.')
      removed += unlink((std::string("m/d/") + entry->d_name).c_str()) == 0;
  closedir(directory);
  EXPECT_EQ(removed, kFiles);
  EXPECT_EQ(rmdir("m/d"), 0);
}

TEST_P(PosixTest, Names) {
  const std::string longest(255, 'n');
  put(("m/" + longest).c_str(), "x");
  EXPECT_EQ(get(("m/" + longest).c_str()), "x");
  EXPECT_EQ(open(("m/" + longest + "n").c_str(), O_CREAT | O_WRONLY, 0644), -1);
  EXPECT_EQ(errno, ENAMETOOLONG);
  put("m/with \n \xff odd", "y");
  remount();
  EXPECT_EQ(get("m/with \n \xff odd"), "y");
  // a name that is not there, and then is
  EXPECT_EQ(access("m/later", F_OK), -1);
  put("m/later", "z");
  EXPECT_EQ(get("m/later"), "z");
}

TEST_P(PosixTest, MemoryMapped) {
  write_noise("noise", 1 << 20, 5);
  shell("cp noise m/f");
  remount();
  // cp of coreutils reads; python maps and writes
  shell(
      "python3 -c \"import mmap;f=open('m/f','r+b');m=mmap.mmap(f.fileno(),0);"
      "assert m[:]==open('noise','rb').read();m[0:4]=b'abcd';m[1048572:]=b'wxyz';m.flush()\"");
  remount();
  const std::string all = shell("head -c4 m/f; tail -c4 m/f");
  EXPECT_EQ(all, "abcdwxyz");
}

TEST_P(PosixTest, AFullImageSaysSo) {
  const int fd = make("m/big");
  const std::string block(1 << 20, 'b');
  ssize_t n = 1;
  int sync = 0;
  for (int i = 0; i < 1000 && n > 0; ++i) n = write(fd, block.data(), block.size());
  const int error = errno;
  if (n > 0) sync = fsync(fd);
  EXPECT_TRUE((n < 0 && error == ENOSPC) || (sync < 0 && errno == ENOSPC)) << n << " " << error;
  close(fd);
  EXPECT_EQ(unlink("m/big"), 0);
  put("m/small", "fits again");
  EXPECT_EQ(get("m/small"), "fits again");
}

TEST_P(PosixTest, Statfs) {
  struct statvfs space = {};
  ASSERT_EQ(statvfs("m", &space), 0);
  EXPECT_GT(space.f_blocks * space.f_frsize, 100u << 20);
  EXPECT_EQ(space.f_namemax, 255u);
}

TEST_P(PosixTest, OthersHaveTheirOwnRights) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  remount("allow_other");
  chmod("m", 0777);
  shell("chmod 755 .");
  put("m/secret", "s");
  chmod("m/secret", 0600);
  const int code = as_user(12345, 23456, [] {
    if (open("m/secret", O_RDONLY) >= 0 || errno != EACCES) return 1;
    umask(027);
    const int fd = open("m/mine", O_CREAT | O_WRONLY, 0666);
    if (fd < 0) return 2;
    if (mkdir("m/dir", 0777) != 0) return 3;
    return 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(status_of("m/mine").st_uid, 12345u);
  EXPECT_EQ(status_of("m/mine").st_gid, 23456u);
  EXPECT_EQ(status_of("m/mine").st_mode & 07777u, 0640u);
  EXPECT_EQ(status_of("m/dir").st_mode & 07777u, 0750u);
  // what root makes next is root's again
  put("m/roots", "");
  EXPECT_EQ(status_of("m/roots").st_uid, 0u);
}

TEST_P(PosixTest, AccessControlLists) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  if (!have("setfacl")) GTEST_SKIP() << "setfacl (package acl) is missing";
  remount("allow_other");
  shell("chmod 755 .");
  put("m/f", "listed");
  chmod("m/f", 0600);
  shell("setfacl -m u:12345:r m/f");
  EXPECT_EQ(as_user(12345, 1, [] { return open("m/f", O_RDONLY) >= 0 ? 0 : 1; }), 0);
  EXPECT_EQ(as_user(12346, 1, [] { return open("m/f", O_RDONLY) >= 0 ? 0 : 1; }), 1);
  shell("mkdir m/d && setfacl -d -m u:12345:rwx m/d && touch m/d/child");
  EXPECT_NE(shell("getfacl -cn m/d/child 2>/dev/null").find("user:12345:rwx"), std::string::npos);
  remount("allow_other");
  EXPECT_NE(shell("getfacl -cn m/f 2>/dev/null").find("user:12345:r--"), std::string::npos);
}

}  // namespace lkl_fuse_test
