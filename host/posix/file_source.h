// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>

#include "block/blocking_backend.h"
#include "posix/host_image.h"

namespace lkl::host {

// An image file or block device that is only read: what an overlay lies on. Locked
// for reading, as FileBackend does it.
class FileSource final : public BlockSource {
 public:
  explicit FileSource(std::unique_ptr<HostImage> image) : image_(std::move(image)) {}

  uint64_t size() const override { return image_->size(); }
  unsigned block_size() const override { return image_->block_size(); }
  int read(std::byte* to, size_t length, uint64_t offset) override;

 private:
  int read_direct(std::byte* to, size_t length, uint64_t offset);

  const std::unique_ptr<HostImage> image_;
};

}  // namespace lkl::host
