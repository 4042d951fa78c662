// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <memory>

#include "block/backend.h"

namespace lkl {

// A raw image file or a block device of the host. The descriptor stays the caller's.
class FileBackend final : public BlockBackend {
 public:
  struct Options {
    bool read_only = false;  // also if the descriptor is not open for writing
    bool lock = true;        // OFD lock: exclusive for writing, shared for reading
  };

  // 0 or -errno: EBUSY if somebody else holds the lock, EBADF, EINVAL if it is
  // neither a file nor a block device.
  static int open(int fd, const Options& options, EventLoop& loop,
                  std::unique_ptr<FileBackend>& result);
  ~FileBackend() override;

  uint64_t size() const override { return size_; }
  bool read_only() const override { return read_only_; }
  bool can_discard() const override { return !read_only_; }
  void submit(BlockRequest& request) override;

 private:
  FileBackend(int fd, EventLoop& loop) : fd_(fd), loop_(loop) {}
  void resume(BlockRequest& request, int64_t result) override;
  int64_t run_blocking(BlockRequest& request) override;
  void read(BlockRequest& request);
  void write(BlockRequest& request);
  void go_on(BlockRequest& request);
  int discard(uint64_t offset, uint64_t length) const;
  int write_zeroes(uint64_t offset, uint64_t length, bool unmap) const;

  const int fd_;
  EventLoop& loop_;
  uint64_t size_ = 0;
  bool read_only_ = false;
  bool locked_ = false;
  bool is_device_ = false;
  bool in_memory_ = false;  // on a tmpfs: reading never waits for a disk
  // The host's file system has no reads without blocking: ask no more.
  std::atomic<bool> no_wait_works_ = true;
};

}  // namespace lkl
