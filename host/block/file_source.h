// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>

#include "block/blocking_backend.h"
#include "block/host_image.h"

namespace lkl {

// An image file or block device that is only read: what an overlay lies on. Locked
// for reading, as FileBackend does it.
class FileSource final : public BlockSource {
 public:
  // 0 or -errno, see HostImage::open().
  static int open(int fd, bool lock, std::unique_ptr<FileSource>& result);

  uint64_t size() const override { return image_->size(); }
  unsigned block_size() const override { return image_->block_size(); }
  int read(std::byte* to, size_t length, uint64_t offset) override;

 private:
  explicit FileSource(std::unique_ptr<HostImage> image) : image_(std::move(image)) {}
  int read_direct(std::byte* to, size_t length, uint64_t offset);

  const std::unique_ptr<HostImage> image_;
};

}  // namespace lkl
