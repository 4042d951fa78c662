// SPDX-License-Identifier: GPL-2.0
#include "remount.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"

namespace lkl::fuse {

namespace {

struct Word {
  std::string_view text;
  unsigned long set, clear;
};

constexpr unsigned long kTimes = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
constexpr Word kWords[] = {
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"noatime", MS_NOATIME, kTimes},
    {"relatime", MS_RELATIME, kTimes},
    {"strictatime", MS_STRICTATIME, kTimes},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
};

std::vector<std::string_view> split(std::string_view words) {
  std::vector<std::string_view> all;
  while (!words.empty()) {
    const std::size_t comma = words.find(',');
    all.push_back(words.substr(0, comma));
    words = comma == std::string_view::npos ? std::string_view() : words.substr(comma + 1);
  }
  return all;
}

// As it is mounted now. statvfs(3) has the bits of mount(2).
unsigned long flags_of(const std::string& mount_point) {
  struct statvfs status;
  struct statfs kind;
  if (statvfs(mount_point.c_str(), &status) != 0 || ::statfs(mount_point.c_str(), &kind) != 0)
    throw tool::Failure(fmt::format("{}: {}", mount_point,
                                    std::error_code(errno, std::system_category()).message()));
  if (kind.f_type != FUSE_SUPER_MAGIC)
    throw tool::Failure(fmt::format("{}: is no mount of lklfuse", mount_point));
  constexpr unsigned long kKept =
      MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_NOATIME | MS_NODIRATIME;
  constexpr unsigned long kRelatime = 4096;  // ST_RELATIME
  return (status.f_flag & kKept) | (status.f_flag & kRelatime ? MS_RELATIME : 0);
}

void set_flags(const std::string& mount_point, unsigned long flags) {
  if (::mount("none", mount_point.c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0) return;
  const int error = errno;
  throw tool::Failure(fmt::format("{}: cannot be remounted: {}{}", mount_point,
                                  std::error_code(error, std::system_category()).message(),
                                  error == EPERM ? "; only root can do that" : ""));
}

// Nothing is changed by that, but the process that serves says whether it may.
bool takes_changes(const std::string& mount_point) {
  return ::removexattr(mount_point.c_str(), "user.lklfuse.is-not-there") == 0 || errno != EROFS;
}

}  // namespace

bool asks_for_remount(const std::string& words) {
  return std::ranges::count(split(words), "remount") > 0;
}

void remount(const std::string& mount_point, const std::string& words) {
  const unsigned long before = flags_of(mount_point);
  unsigned long flags = before;
  for (const std::string_view word : split(words))
    for (const Word& known : kWords)
      if (known.text == word) flags = (flags & ~known.clear) | known.set;
  set_flags(mount_point, flags);
  if (flags & MS_RDONLY || takes_changes(mount_point)) return;
  set_flags(mount_point, before | MS_RDONLY);
  throw tool::Failure(fmt::format(
      "{}: the image is open for reading only; unmount it and mount it with rw", mount_point));
}

}  // namespace lkl::fuse
