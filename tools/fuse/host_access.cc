// SPDX-License-Identifier: GPL-2.0
#include "host_access.h"

#include <fcntl.h>
#include <lkl.h>
#include <unistd.h>

#include <array>
#include <vector>

#include <lkl/linux/mount.h>

#include "base/mount_info.h"

namespace lkl::fuse {

namespace {

std::vector<tool::MountInfo> read_mounts(int fd) {
  std::string text;
  std::array<char, 16384> piece;
  ssize_t n;
  while ((n = pread(fd, piece.data(), piece.size(), static_cast<off_t>(text.size()))) > 0)
    text.append(piece.data(), static_cast<std::size_t>(n));
  return tool::parse_mount_info(text);
}

}  // namespace

HostAccess::HostAccess() : mounts_(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

void HostAccess::start(const std::string& mount_point, int root) {
  root_ = root;
  for (const tool::MountInfo& mount : read_mounts(mounts_.get()))
    if (mount.point == mount_point) device_ = mount.device;
  followed_ = !device_.empty();
}

// The file system as a whole: a bind mount of it may be read-only by itself. As it was if it is not
// there any more: who has it open may use it still.
bool HostAccess::host_is_read_only() const {
  for (const tool::MountInfo& mount : read_mounts(mounts_.get()))
    if (mount.device == device_) return mount.options == "ro" || mount.options.starts_with("ro,");
  return read_only_;
}

void HostAccess::follow() {
  const std::lock_guard lock(mutex_);
  const bool read_only = host_is_read_only();
  busy_ = false;
  if (read_only == read_only_) return;
  if (reconfigure(read_only))
    read_only_ = read_only;
  else
    busy_ = read_only;
}

bool HostAccess::make_writable() {
  if (!read_only_) return false;
  const std::lock_guard lock(mutex_);
  if (!reconfigure(false)) return false;
  read_only_ = false;
  // What came late was to be written before.
  busy_ = host_is_read_only();
  return true;
}

bool HostAccess::reconfigure(bool read_only) {
  const int fd =
      static_cast<int>(lkl_sys_fspick(root_, "", LKL_FSPICK_CLOEXEC | LKL_FSPICK_EMPTY_PATH));
  if (fd < 0) return false;
  long result = lkl_sys_fsconfig(fd, LKL_FSCONFIG_SET_FLAG, read_only ? "ro" : "rw", nullptr, 0);
  if (result >= 0) result = lkl_sys_fsconfig(fd, LKL_FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0);
  lkl_sys_close(static_cast<unsigned>(fd));
  return result >= 0;
}

}  // namespace lkl::fuse
