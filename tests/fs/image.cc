// SPDX-License-Identifier: GPL-2.0
#include "fs/image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace lkl_test {
namespace {

struct Tools {
  const char* type;
  const char* make;
  unsigned least_mib;
  const char* check;
};

constexpr auto kTools = std::to_array<Tools>({
    {"ext4", "mkfs.ext4 -q -F ", 0, "e2fsck -fn "},
    {"btrfs", "mkfs.btrfs -q -f ", 0, "btrfs check "},
    {"xfs", "mkfs.xfs -q -f ", 320, "xfs_repair -n "},
    {"f2fs", "mkfs.f2fs -q -f -O extra_attr,compression ", 64, "fsck.f2fs --dry-run "},
    {"ntfs3", "mkfs.ntfs -q -F -f ", 0, "ntfsfix -n "},
});

const Tools& tools_of(const std::string& type) {
  const auto found = std::ranges::find_if(kTools, [&](const Tools& t) { return t.type == type; });
  if (found == kTools.end()) throw std::runtime_error("no tools known for " + type);
  return *found;
}

}  // namespace

Image::Image(const TempDir& dir, const std::string& type, unsigned mib)
    : path_(dir / (type + ".img")), type_(type) {
  const Tools& tools = tools_of(type);
  std::string output;
  if (run("truncate -s " + std::to_string(std::max(mib, tools.least_mib)) + "M " + path_ + " && " +
              tools.make + path_,
          &output) != 0)
    throw std::runtime_error(tools.make + output);
}

Image::~Image() {
  if (id_ >= 0 && lkl_is_running()) umount();
  if (fd_ >= 0) close(fd_);
}

std::string Image::mount(int flags, const char* options) {
  fd_ = open(path_.c_str(), O_RDWR | O_CLOEXEC | host_flags_);
  disk_ = {};
  disk_.fd = fd_;
  options_.struct_size = sizeof(options_);
  id_ = lkl_disk_add_options(&disk_, &options_);
  if (id_ < 0) return std::string("lkl_disk_add: ") + lkl_strerror(id_);
  char point[32];
  const long error = lkl_mount_dev(static_cast<unsigned>(id_), 0, type_.c_str(), flags, options,
                                   point, sizeof point);
  if (error) return std::string("lkl_mount_dev: ") + lkl_strerror(static_cast<int>(error));
  point_ = point;
  return "";
}

std::string Image::umount() {
  long error = lkl_umount_dev(static_cast<unsigned>(id_), 0, 0, 5000);
  if (!error) error = lkl_disk_remove(disk_);
  id_ = -1;
  close(fd_);
  fd_ = -1;
  return error ? lkl_strerror(static_cast<int>(error)) : "";
}

std::string Image::check() const {
  std::string output;
  return run(tools_of(type_).check + path_, &output) == 0 ? "" : output;
}

}  // namespace lkl_test
