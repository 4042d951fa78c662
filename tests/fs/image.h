// SPDX-License-Identifier: GPL-2.0
// Images made and judged by the file systems' own tools.
#pragma once

#include <lkl.h>

#include <string>

#include "support/host_tools.h"

namespace lkl_test {

// Those that are only in kernels with page tables.
#ifdef LKL_TEST_MAPPED
inline constexpr bool kMapped = true;
#else
inline constexpr bool kMapped = false;
#endif

class Image final {
 public:
  // type: "ext4", "btrfs", "xfs", "f2fs", "ntfs3"; made by its mkfs in a file of so many MiB, or
  // more if it wants more.
  Image(const TempDir& dir, const std::string& type, unsigned mib);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  const std::string& path() const { return path_; }
  const std::string& type() const { return type_; }
  int fd() const { return fd_; }
  const lkl_disk& disk() const { return disk_; }

  // O_DIRECT and such, LKL_DISK_*: from the next mount() on.
  void open_with(int host_flags, unsigned disk_flags = 0) {
    host_flags_ = host_flags;
    options_.flags = disk_flags;
  }
  // "" or an error. The mount point is in point().
  std::string mount(int flags = 0, const char* options = nullptr);
  std::string umount();
  const std::string& point() const { return point_; }
  // What its checker says (e2fsck -fn and such); "" if it is clean.
  std::string check() const;

 private:
  std::string path_;
  std::string type_;
  int fd_ = -1;
  int host_flags_ = 0;
  lkl_disk disk_ = {};
  lkl_disk_options options_ = {};
  int id_ = -1;
  std::string point_;
};

}  // namespace lkl_test
