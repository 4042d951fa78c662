// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "descriptor.h"

namespace lkl::host {

// An image file or block device of the host, by a descriptor of its own: whatever becomes
// of the one it was opened from.
class HostImage final {
 public:
  struct Options {
    bool read_only = false;  // also if the descriptor is not open for writing
    bool lock = true;        // OFD lock: exclusive for writing, shared for reading
    bool direct = true;      // O_DIRECT stays, if it is set
  };

  // 0 or -errno: EBUSY if somebody else holds the lock, EBADF, EINVAL if it is neither a file
  // nor a block device, or only lets us append (said on standard error).
  static int open(int fd, const Options& options, std::unique_ptr<HostImage>& result);
  HostImage(const HostImage&) = delete;
  HostImage& operator=(const HostImage&) = delete;

  int fd() const { return file_.get(); }
  // As the host knows it: a path, if there is one.
  const std::string& name() const { return name_; }
  // Whole blocks. The last one of a file that ends in the middle of it is not offered.
  uint64_t size() const { return size_; }
  // What offsets and lengths must be multiples of; 512 to 4096.
  unsigned block_size() const { return block_size_; }
  // What memory must be aligned to; 1 if it need not be.
  unsigned memory_alignment() const { return memory_alignment_; }
  bool read_only() const { return read_only_; }
  bool is_device() const { return is_device_; }
  // O_DIRECT: past the host's cache.
  bool is_direct() const { return memory_alignment_ > 1; }
  // On a tmpfs: nothing is waited for.
  bool in_memory() const { return in_memory_; }
  // Writing may wait for a disk or for another process: O_SYNC and such, a network, FUSE.
  bool writes_wait() const { return writes_wait_; }
  // O_NONBLOCK that could not be left out: io_uring would say EAGAIN for ever.
  bool is_nonblocking() const { return is_nonblocking_; }
  // A file that somebody has made shorter than this.
  bool ends_before(uint64_t end) const;

 private:
  explicit HostImage(Descriptor file) : file_(std::move(file)) {}
  int examine(int flags, const Options& options);
  int find_alignment(int flags);

  // The lock goes with the last descriptor of the description. To unlock it at the end would take
  // it from the parent, too, of whom this process was forked.
  const Descriptor file_;
  std::string name_;
  uint64_t size_ = 0;
  unsigned block_size_ = 512;
  unsigned memory_alignment_ = 1;
  bool read_only_ = false;
  bool is_device_ = false;
  bool in_memory_ = false;
  bool writes_wait_ = false;
  bool is_nonblocking_ = false;
};

}  // namespace lkl::host
