// SPDX-License-Identifier: GPL-2.0
#include "fs/guest_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <lkl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <utime.h>

#include <cstdarg>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace lkl_test {
namespace {

GuestCalls counted;

// As the C library has it: errors have the same numbers.
template <class Result = int>
Result result(long value) {
  if (value >= 0) return static_cast<Result>(value);
  errno = static_cast<int>(-value);
  return static_cast<Result>(-1);
}

int host_stat(long error, const lkl_stat& from, struct stat64* to) {
  if (error) return result(error);
  std::memset(to, 0, sizeof *to);
  to->st_dev = from.st_dev;
  to->st_ino = from.st_ino;
  to->st_mode = from.st_mode;
  to->st_nlink = from.st_nlink;
  to->st_uid = from.st_uid;
  to->st_gid = from.st_gid;
  to->st_rdev = from.st_rdev;
  to->st_size = from.st_size;
  to->st_blksize = from.st_blksize;
  to->st_blocks = from.st_blocks;
  to->st_mtim.tv_sec = from.lkl_st_mtime;
  to->st_mtim.tv_nsec = static_cast<long>(from.st_mtime_nsec);
  return 0;
}

unsigned unsigned_fd(int fd) {
  return static_cast<unsigned>(fd);
}

lkl_ulong number(const void* address) {
  return reinterpret_cast<lkl_ulong>(address);
}

}  // namespace

const GuestCalls& guest_calls() {
  return counted;
}

}  // namespace lkl_test

using namespace lkl_test;

// Their names are those of the C library, with this in front. That of a file's large offsets
// (open64) is not another.
#define GUEST(name) guest_##name

extern "C" {

int GUEST(open)(const char* path, int flags, ...) {
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  ++counted.opens;
  return result(lkl_sys_open(path, flags, mode));
}

int GUEST(close)(int fd) {
  return result(lkl_sys_close(unsigned_fd(fd)));
}

ssize_t GUEST(read)(int fd, void* data, size_t size) {
  return result<ssize_t>(lkl_sys_read(unsigned_fd(fd), static_cast<char*>(data), size));
}

ssize_t GUEST(write)(int fd, const void* data, size_t size) {
  ++counted.writes;
  return result<ssize_t>(lkl_sys_write(unsigned_fd(fd), static_cast<const char*>(data), size));
}

ssize_t GUEST(pread)(int fd, void* data, size_t size, off64_t offset) {
  return result<ssize_t>(lkl_sys_pread64(unsigned_fd(fd), static_cast<char*>(data), size, offset));
}

ssize_t GUEST(pwrite)(int fd, const void* data, size_t size, off64_t offset) {
  ++counted.writes;
  return result<ssize_t>(
      lkl_sys_pwrite64(unsigned_fd(fd), static_cast<const char*>(data), size, offset));
}

ssize_t GUEST(writev)(int fd, const struct iovec* parts, int count) {
  ++counted.writes;
  return result<ssize_t>(lkl_sys_writev(static_cast<lkl_ulong>(fd),
                                        reinterpret_cast<const lkl_iovec*>(parts),
                                        static_cast<lkl_ulong>(count)));
}

off64_t GUEST(lseek)(int fd, off64_t offset, int from) {
  return result<off64_t>(lkl_sys_lseek(unsigned_fd(fd), offset, static_cast<unsigned>(from)));
}

int GUEST(ftruncate)(int fd, off64_t size) {
  return result(lkl_sys_ftruncate(unsigned_fd(fd), size));
}

int GUEST(fsync)(int fd) {
  ++counted.syncs;
  return result(lkl_sys_fsync(unsigned_fd(fd)));
}

int GUEST(fdatasync)(int fd) {
  ++counted.syncs;
  return result(lkl_sys_fdatasync(unsigned_fd(fd)));
}

int GUEST(stat)(const char* path, struct stat64* to) {
  lkl_stat from;
  return host_stat(lkl_sys_stat(path, &from), from, to);
}

int GUEST(lstat)(const char* path, struct stat64* to) {
  lkl_stat from;
  return host_stat(lkl_sys_lstat(path, &from), from, to);
}

int GUEST(fstat)(int fd, struct stat64* to) {
  lkl_stat from;
  return host_stat(lkl_sys_fstat(unsigned_fd(fd), &from), from, to);
}

// What programs of before C library 2.33 call.
int GUEST(fxstat)(int, int fd, struct stat64* to) {
  return GUEST(fstat)(fd, to);
}

int GUEST(fstatfs)(int fd, struct statfs* to) {
  static_assert(sizeof(struct statfs) == sizeof(lkl_statfs));
  return result(lkl_sys_fstatfs(unsigned_fd(fd), reinterpret_cast<lkl_statfs*>(to)));
}

// Its third argument, if it has one, is a number or a pointer: either is a word.
int GUEST(fcntl)(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  const auto argument = va_arg(more, lkl_ulong);
  va_end(more);
  static_assert(sizeof(struct flock) == sizeof(struct lkl_flock));
  return result(lkl_sys_fcntl(unsigned_fd(fd), static_cast<unsigned>(command), argument));
}

void* GUEST(mmap)(void* at, size_t size, int protection, int flags, int fd, off64_t offset) {
  ++counted.maps;
  const auto address = reinterpret_cast<long>(
      lkl_sys_mmap(at, size, static_cast<lkl_ulong>(protection), static_cast<lkl_ulong>(flags),
                   static_cast<lkl_ulong>(fd), static_cast<lkl_ulong>(offset)));
  // addresses of programs are below half of all
  return reinterpret_cast<void*>(result<long>(address));
}

int GUEST(munmap)(void* at, size_t size) {
  return result(lkl_sys_munmap(number(at), size));
}

void* GUEST(mremap)(void* at, size_t size, size_t new_size, int flags, ...) {
  ++counted.maps;
  return reinterpret_cast<void*>(result<long>(static_cast<long>(
      lkl_sys_mremap(number(at), size, new_size, static_cast<lkl_ulong>(flags), 0))));
}

int GUEST(msync)(void* at, size_t size, int flags) {
  ++counted.syncs;
  return result(lkl_sys_msync(number(at), size, flags));
}

int GUEST(madvise)(void* at, size_t size, int advice) {
  return result(lkl_sys_madvise(number(at), size, advice));
}

int GUEST(access)(const char* path, int mode) {
  return result(lkl_sys_access(path, mode));
}

int GUEST(unlink)(const char* path) {
  return result(lkl_sys_unlink(path));
}

int GUEST(mkdir)(const char* path, mode_t mode) {
  return result(lkl_sys_mkdir(path, mode));
}

int GUEST(rmdir)(const char* path) {
  return result(lkl_sys_rmdir(path));
}

ssize_t GUEST(readlink)(const char* path, char* target, size_t size) {
  return result<ssize_t>(lkl_sys_readlink(path, target, static_cast<int>(size)));
}

int GUEST(fchmod)(int fd, mode_t mode) {
  return result(lkl_sys_fchmod(unsigned_fd(fd), mode));
}

int GUEST(fchown)(int fd, uid_t owner, gid_t group) {
  return result(lkl_sys_fchown(unsigned_fd(fd), owner, group));
}

char* GUEST(getcwd)(char* path, size_t size) {
  return result(lkl_sys_getcwd(path, size)) < 0 ? nullptr : path;
}

int GUEST(utime)(const char* path, const struct utimbuf* times) {
  __lkl__kernel_timespec both[2] = {};
  if (times) {
    both[0].tv_sec = times->actime;
    both[1].tv_sec = times->modtime;
  }
  return result(lkl_sys_utimensat(LKL_AT_FDCWD, path, times ? both : nullptr, 0));
}
}
