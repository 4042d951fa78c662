// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/signals.h"
#include "tree/basic_tree.h"

namespace lkl::tool {

namespace {

long long result_of(long long result) {
  return result < 0 ? -errno : result;
}

struct HostCalls {
  static constexpr int kRead = O_RDONLY, kWrite = O_WRONLY, kCreate = O_CREAT, kTruncate = O_TRUNC;
  static constexpr int kDirectory = O_DIRECTORY, kNoFollow = O_NOFOLLOW, kPathOnly = O_PATH;
  static constexpr int kNonBlocking = O_NONBLOCK;
  static constexpr int kSeekData = SEEK_DATA, kSeekHole = SEEK_HOLE;
  static constexpr long long kNoEntry = -ENOENT, kNotDirectory = -ENOTDIR, kNoMoreData = -ENXIO,
                             kTooSmall = -ERANGE, kDamaged = -EUCLEAN;

  static constexpr bool kOnHost = true;

  static std::error_code error(long long result) {
    return {static_cast<int>(-result), std::system_category()};
  }
  static std::string display(const std::string& path) { return path; }
  static std::string written_name(const std::string& name) { return name; }
  static bool unix_attributes() { return true; }
  static bool may_set_owner() { return geteuid() == 0; }
  static bool has_devices() { return true; }
  // It may be any file system, and the sandbox does not let it be asked.
  static bool folds_names(int) { return true; }

  static long long open_in_root(const std::string& path, int flags) {
    return result_of(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  }
  static long long open(int dir, const char* name, int flags, std::uint32_t mode) {
    return result_of(::openat(dir, name, flags | O_CLOEXEC, mode));
  }
  static void close(int fd) { ::close(fd); }
  static long long finish(int fd) {
    struct ::stat raw = {};
    // The errors of a block device come when its cache is written.
    const bool device = ::fstat(fd, &raw) == 0 && S_ISBLK(raw.st_mode);
    const long long result = device ? result_of(::fsync(fd)) : 0;
    const long long closed = result_of(::close(fd));
    return result < 0 ? result : closed;
  }
  static long long open_stream(const std::string& path) {
    struct ::stat raw = {};
    if (::stat(path.c_str(), &raw) != 0) return -errno;
    int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    if (S_ISBLK(raw.st_mode)) flags |= O_EXCL;
    for (;;) {
      const long long fd = result_of(::open(path.c_str(), flags));
      // Of a fifo: nobody reads yet.
      if (fd != -ENXIO || !S_ISFIFO(raw.st_mode)) return fd;
      check_interrupted();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  static long long read_next(int fd, std::span<std::byte> into) {
    const long long n = result_of(read_or_signal(fd, into));
    if (n < 0) check_interrupted();
    return n;
  }
  static long long write_next(int fd, std::span<const std::byte> from) {
    const long long n = result_of(write_or_signal(fd, from));
    if (n < 0) check_interrupted();
    return n;
  }

  static long long stat(int dir, const char* name, Stat& out) {
    struct ::stat raw = {};
    const long long result =
        result_of(::fstatat(dir, name, &raw, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
    if (result < 0) return result;
    const auto time = [](const struct timespec& t) {
      return Timestamp{t.tv_sec, static_cast<std::uint32_t>(t.tv_nsec)};
    };
    out.mode = raw.st_mode;
    out.nlink = static_cast<std::uint32_t>(raw.st_nlink);
    out.uid = raw.st_uid;
    out.gid = raw.st_gid;
    out.inode = raw.st_ino;
    out.size = static_cast<std::uint64_t>(raw.st_size);
    out.blocks = static_cast<std::uint64_t>(raw.st_blocks);
    out.block_size = static_cast<std::uint32_t>(raw.st_blksize);
    out.dev_major = major(raw.st_dev);
    out.dev_minor = minor(raw.st_dev);
    out.rdev_major = major(raw.st_rdev);
    out.rdev_minor = minor(raw.st_rdev);
    out.accessed = time(raw.st_atim);
    out.modified = time(raw.st_mtim);
    out.changed = time(raw.st_ctim);
    return 0;
  }
  static long long statfs(int fd, Space& out) {
    struct ::statfs raw = {};
    const long long result = result_of(::fstatfs(fd, &raw));
    const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
    out = {number(raw.f_frsize), raw.f_blocks, raw.f_bfree,       raw.f_bavail,
           raw.f_files,          raw.f_ffree,  number(raw.f_type)};
    return result;
  }

  static long long readlink(int dir, const char* name, char* text, std::size_t size) {
    return result_of(::readlinkat(dir, name, text, size));
  }
  static long long symlink(const char* text, int dir, const char* name) {
    return result_of(::symlinkat(text, dir, name));
  }
  static long long mkdir(int dir, const char* name, std::uint32_t mode) {
    return result_of(::mkdirat(dir, name, mode));
  }
  static long long mknod(int dir, const char* name, std::uint32_t mode, std::uint32_t major,
                         std::uint32_t minor) {
    return result_of(::mknodat(dir, name, mode, makedev(major, minor)));
  }
  static long long link(int from_dir, const char* from, int dir, const char* name) {
    return result_of(::linkat(from_dir, from, dir, name, 0));
  }
  static long long rename(int from_dir, const char* from, int dir, const char* name) {
    return result_of(::renameat(from_dir, from, dir, name));
  }
  static long long rmdir(int dir, const char* name) {
    return result_of(::unlinkat(dir, name, AT_REMOVEDIR));
  }
  static long long unlink(int dir, const char* name) { return result_of(::unlinkat(dir, name, 0)); }
  static long long chown(int dir, const char* name, std::uint32_t uid, std::uint32_t gid) {
    return result_of(::fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
  }
  static long long chmod(int dir, const char* name, std::uint32_t mode) {
    return result_of(::fchmodat(dir, name, mode, 0));
  }
  static long long fchmod(int fd, std::uint32_t mode) { return result_of(::fchmod(fd, mode)); }
  static long long utimens(int dir, const char* name, const Timestamp& accessed,
                           const Timestamp& modified) {
    const struct timespec times[2] = {{accessed.seconds, accessed.nanoseconds},
                                      {modified.seconds, modified.nanoseconds}};
    return result_of(name == nullptr ? ::futimens(dir, times)
                                     : ::utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW));
  }

  static long long flistxattr(int fd, char* list, std::size_t size) {
    return result_of(::flistxattr(fd, list, size));
  }
  static long long llistxattr(const char* path, char* list, std::size_t size) {
    return result_of(::llistxattr(path, list, size));
  }
  static long long fgetxattr(int fd, const char* name, char* value, std::size_t size) {
    return result_of(::fgetxattr(fd, name, value, size));
  }
  static long long lgetxattr(const char* path, const char* name, char* value, std::size_t size) {
    return result_of(::lgetxattr(path, name, value, size));
  }
  static long long fsetxattr(int fd, const char* name, const std::string& value) {
    return result_of(::fsetxattr(fd, name, value.data(), value.size(), 0));
  }
  static long long lsetxattr(const char* path, const char* name, const std::string& value) {
    return result_of(::lsetxattr(path, name, value.data(), value.size(), 0));
  }

  static long long getdents(int fd, char* into, std::size_t size) {
    return result_of(::syscall(SYS_getdents64, fd, into, size));
  }
  static long long pread(int fd, std::byte* into, std::size_t size, std::uint64_t at) {
    return result_of(::pread(fd, into, size, static_cast<off_t>(at)));
  }
  static long long pwrite(int fd, const std::byte* from, std::size_t size, std::uint64_t at) {
    return result_of(::pwrite(fd, from, size, static_cast<off_t>(at)));
  }
  static long long ftruncate(int fd, std::uint64_t size) {
    return result_of(::ftruncate(fd, static_cast<off_t>(size)));
  }
  static long long seek(int fd, std::uint64_t at, int whence) {
    return result_of(::lseek(fd, static_cast<off_t>(at), whence));
  }
};

}  // namespace

std::unique_ptr<Tree> make_host_tree() {
  return std::make_unique<BasicTree<HostCalls>>(HostCalls{});
}

}  // namespace lkl::tool
