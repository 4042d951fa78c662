// SPDX-License-Identifier: GPL-2.0
#include "base/host_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lkl::tool {

std::error_code host_error(int number) {
  return {number, std::system_category()};
}

namespace on_host {

bool look_at(const std::string& path, Status& status) {
  struct stat raw = {};
  if (::stat(path.c_str(), &raw) != 0) return false;
  status.kind = S_ISREG(raw.st_mode)   ? Kind::kRegular
                : S_ISDIR(raw.st_mode) ? Kind::kDirectory
                : S_ISBLK(raw.st_mode) ? Kind::kBlockDevice
                                       : Kind::kOther;
  status.device = raw.st_dev;
  status.inode = raw.st_ino;
  return true;
}

int open(const std::string& path, int flags, unsigned mode) {
  return ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, mode);
}

ssize_t pread(int fd, std::span<std::byte> into, std::uint64_t offset) {
  return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
}

ssize_t pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  return ::pwrite(fd, from.data(), from.size(), static_cast<off_t>(offset));
}

int resize(int fd, std::uint64_t size) {
  return ::ftruncate(fd, static_cast<off_t>(size));
}

int sync(int fd) {
  return ::fsync(fd);
}

std::uint64_t size_of(int fd) {
  // A block device has no st_size; its end says how long it is.
  const off_t end = ::lseek(fd, 0, SEEK_END);
  return end < 0 ? 0 : static_cast<std::uint64_t>(end);
}

void remove(const std::string& path) {
  ::unlink(path.c_str());
}

std::string real_directory(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  std::string text = resolved ? resolved : "";
  ::free(resolved);
  return text.ends_with('/') ? text : text + "/";
}

std::size_t drive_length(std::string_view) {
  return 0;
}

std::string with_slashes(std::string path) {
  return path;
}

bool is_terminal(int fd) {
  return ::isatty(fd) != 0;
}

std::optional<unsigned> terminal_width(int fd) {
  struct winsize size = {};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return std::nullopt;
  return size.ws_col;
}

bool matches(const std::string& pattern, const std::string& name, bool fold_case, bool period) {
  const int flags = (fold_case ? FNM_CASEFOLD : 0) | (period ? FNM_PERIOD : 0);
  return ::fnmatch(pattern.c_str(), name.c_str(), flags) == 0;
}

bool local_date(std::int64_t seconds, std::tm& date) {
  const time_t time = seconds;
  return ::localtime_r(&time, &date) != nullptr;
}

bool utc_date(std::int64_t seconds, std::tm& date) {
  const time_t time = seconds;
  return ::gmtime_r(&time, &date) != nullptr;
}

std::int64_t seconds_of_utc(std::tm& date) {
  return ::timegm(&date);
}

const std::byte* map_zeroes(std::size_t& size) {
  constexpr std::size_t kLeast = 4096;
  for (; size >= kLeast; size /= 2) {
    void* const pages =
        ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages != MAP_FAILED) return static_cast<const std::byte*>(pages);
  }
  return nullptr;
}

void unmap_zeroes(const std::byte* zeroes, std::size_t size) {
  ::munmap(const_cast<std::byte*>(zeroes), size);
}

void lock_memory(void* memory, std::size_t size) {
  ::mlock(memory, size);
}

void unlock_memory(void* memory, std::size_t size) {
  ::munlock(memory, size);
}

void wipe(void* memory, std::size_t size) {
  ::explicit_bzero(memory, size);
}

}  // namespace on_host
}  // namespace lkl::tool
