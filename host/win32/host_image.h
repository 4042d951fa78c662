// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "descriptor.h"
#include "win32/overlapped.h"

namespace lkl::host {

// An image file, or a disk or volume of the host (\\.\PhysicalDrive1, \\.\D:), opened for a disk of
// the kernel's.
class HostImage final {
 public:
  struct Options {
    bool read_only = false;  // also if the descriptor is not open for writing
    bool lock = true;        // exclusive for writing, shared for reading
  };

  // 0 or -errno: EBUSY if somebody else holds the lock, EBADF, EINVAL if it is neither a file nor a
  // disk, EACCES. The descriptor stays the caller's.
  static int open(int fd, const Options& options, std::unique_ptr<HostImage>& result);
  HostImage(const HostImage&) = delete;
  HostImage& operator=(const HostImage&) = delete;

  int fd() const { return file_.get(); }
  HANDLE handle() const { return handle_of(file_.get()); }
  // As the host knows it.
  const std::string& name() const { return name_; }
  // Whole blocks. The last one of a file that ends in the middle of it is not offered.
  uint64_t size() const { return size_; }
  unsigned block_size() const { return block_size_; }
  bool read_only() const { return read_only_; }
  bool is_device() const { return is_device_; }
  // A file that somebody has made shorter than this.
  bool ends_before(uint64_t end) const;
  // A range of a sparse file reads as zeroes and takes no room: 0, or -EOPNOTSUPP where the host
  // does not do that. Blocks.
  int punch(uint64_t offset, uint64_t length) const;

 private:
  HostImage(Descriptor file, bool read_only);
  int examine();

  const Descriptor file_;
  const bool read_only_;
  const OverlappedHandle overlapped_;
  std::string name_;
  uint64_t size_ = 0;
  unsigned block_size_ = 512;
  bool is_device_ = false;
  bool can_punch_ = false;
};

}  // namespace lkl::host
