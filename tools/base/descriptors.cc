// SPDX-License-Identifier: GPL-2.0
#include "base/descriptors.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>

namespace lkl::tool {

namespace {

struct DirectoryEntry {  // linux_dirent64, see getdents(2)
  unsigned long long inode;
  long long offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

void close_one(int fd, Close when) noexcept {
  if (when == Close::kNow)
    ::close(fd);
  else
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// Closes those that /proc names; whether there were any.
bool close_listed(int directory, int first, Close when) noexcept {
  alignas(DirectoryEntry) char buffer[2048];
  bool any = false;
  ::lseek(directory, 0, SEEK_SET);
  for (long n; (n = ::syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0;)
    for (long at = 0; at < n;) {
      const auto* const entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      at += entry->length;
      int fd = 0;
      const char* digit = entry->name;
      for (; *digit >= '0' && *digit <= '9'; digit++) fd = 10 * fd + (*digit - '0');
      if (digit == entry->name || fd < first || fd == directory) continue;
      close_one(fd, when);
      any = true;
    }
  return any;
}

}  // namespace

void close_from(int first, Close when) noexcept {
  // Kernels before 5.9 do not have it (5.11 for the flag), and some containers refuse it.
  const unsigned flags = when == Close::kNow ? 0 : CLOSE_RANGE_CLOEXEC;
  if (::syscall(SYS_close_range, first, ~0U, flags) == 0) return;
  const int directory = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    // What is closed while they are listed may hide another one.
    while (close_listed(directory, first, when) && when == Close::kNow) {
    }
    ::close(directory);
    return;
  }
  struct rlimit limit = {};
  constexpr int kMost = 1 << 20;
  const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < kMost;
  const int end = known ? static_cast<int>(limit.rlim_max) : kMost;
  for (int fd = first; fd < end; fd++) close_one(fd, when);
}

void occupy_standard_descriptors() noexcept {
  // What is opened gets the lowest number that is free.
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0) (void)!::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

}  // namespace lkl::tool
