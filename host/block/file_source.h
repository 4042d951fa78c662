// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>

#include "block/blocking_backend.h"

namespace lkl {

// An image file or block device that is only read: what an overlay lies on. Locked
// for reading, as FileBackend does it.
class FileSource final : public BlockSource {
 public:
  // Works on a duplicate of the descriptor. 0 or -errno.
  static int open(int fd, bool lock, std::unique_ptr<FileSource>& result);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  uint64_t size() const override { return size_; }
  int read(std::byte* to, size_t length, uint64_t offset) override;

 private:
  FileSource(int fd, uint64_t size, bool locked) : fd_(fd), size_(size), locked_(locked) {}

  const int fd_;
  const uint64_t size_;
  const bool locked_;
};

}  // namespace lkl
