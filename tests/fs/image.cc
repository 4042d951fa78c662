// SPDX-License-Identifier: GPL-2.0
#include "fs/image.h"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

namespace lkl_test {

Image::Image(const TempDir& dir, const std::string& type, unsigned mib)
    : path_(dir / (type + ".img")), type_(type) {
  std::string output;
  const std::string quiet = type == "ext4" ? "-q -F" : "-q -f";
  if (run("truncate -s " + std::to_string(mib) + "M " + path_ + " && mkfs." + type + " " + quiet +
              " " + path_,
          &output) != 0)
    throw std::runtime_error("mkfs." + type + ": " + output);
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
  const std::string command = type_ == "ext4" ? "e2fsck -fn " : "btrfs check ";
  return run(command + path_, &output) == 0 ? "" : output;
}

}  // namespace lkl_test
