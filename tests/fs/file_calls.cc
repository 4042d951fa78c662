// SPDX-License-Identifier: GPL-2.0
#include "fs/file_calls.h"

#include <fcntl.h>
#include <lkl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace lkl_test {

long LibraryCalls::open(const std::string& path, How how) {
  const int flags = how == How::kMake           ? LKL_O_RDWR | LKL_O_CREAT | LKL_O_EXCL
                    : how == How::kChange       ? LKL_O_RDWR
                    : how == How::kChangeAtOnce ? LKL_O_RDWR | LKL_O_SYNC
                                                : LKL_O_RDONLY | LKL_O_DIRECTORY;
  return lkl_sys_open(path.c_str(), flags, 0644);
}
void LibraryCalls::close(int fd) {
  lkl_sys_close(static_cast<unsigned>(fd));
}
long LibraryCalls::write(int fd, const std::string& bytes, uint64_t offset) {
  return lkl_sys_pwrite64(static_cast<unsigned>(fd), bytes.data(), bytes.size(),
                          static_cast<lkl_loff_t>(offset));
}
long LibraryCalls::truncate(int fd, uint64_t size) {
  return lkl_sys_ftruncate(static_cast<unsigned>(fd), size);
}
long LibraryCalls::fsync(int fd) {
  return lkl_sys_fsync(static_cast<unsigned>(fd));
}
long LibraryCalls::fdatasync(int fd) {
  return lkl_sys_fdatasync(static_cast<unsigned>(fd));
}
long LibraryCalls::rename(const std::string& from, const std::string& to) {
  return lkl_sys_rename(from.c_str(), to.c_str());
}
long LibraryCalls::unlink(const std::string& path) {
  return lkl_sys_unlink(path.c_str());
}
long LibraryCalls::mkdir(const std::string& path) {
  return lkl_sys_mkdir(path.c_str(), 0755);
}
bool LibraryCalls::sync() {
  return lkl_sys_sync() == 0;
}

namespace {

long result_of(long result) {
  return result < 0 ? -errno : result;
}

}  // namespace

long HostCalls::open(const std::string& path, How how) {
  const int flags = how == How::kMake           ? O_RDWR | O_CREAT | O_EXCL
                    : how == How::kChange       ? O_RDWR
                    : how == How::kChangeAtOnce ? O_RDWR | O_SYNC
                                                : O_RDONLY | O_DIRECTORY;
  return result_of(::open(path.c_str(), flags | O_CLOEXEC, 0644));
}
void HostCalls::close(int fd) {
  ::close(fd);
}
long HostCalls::write(int fd, const std::string& bytes, uint64_t offset) {
  return result_of(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)));
}
long HostCalls::truncate(int fd, uint64_t size) {
  return result_of(::ftruncate(fd, static_cast<off_t>(size)));
}
long HostCalls::fsync(int fd) {
  return result_of(::fsync(fd));
}
long HostCalls::fdatasync(int fd) {
  return result_of(::fdatasync(fd));
}
long HostCalls::rename(const std::string& from, const std::string& to) {
  return result_of(::rename(from.c_str(), to.c_str()));
}
long HostCalls::unlink(const std::string& path) {
  return result_of(::unlink(path.c_str()));
}
long HostCalls::mkdir(const std::string& path) {
  return result_of(::mkdir(path.c_str(), 0755));
}
// FUSE has no request for it (docs/limits.md).
bool HostCalls::sync() {
  return false;
}

}  // namespace lkl_test
