// SPDX-License-Identifier: GPL-2.0
#include <cerrno>

#include "block/host_disk.h"
#include "host.h"
#include "win32/host_image.h"

namespace lkl::host {
namespace {

// An image that is only read: what an overlay lies on. Locked for reading.
class FileSource final : public BlockSource {
 public:
  explicit FileSource(std::unique_ptr<HostImage> image) : image_(std::move(image)) {}

  uint64_t size() const override { return image_->size(); }
  unsigned block_size() const override { return image_->block_size(); }
  int read(std::byte* to, size_t length, uint64_t offset) override {
    while (length > 0) {
      const IoVec part[] = {{to, length}};
      const int64_t count = read_now(image_->fd(), part, offset, true);
      if (count <= 0) return count < 0 ? static_cast<int>(count) : -EIO;
      to += count;
      offset += static_cast<uint64_t>(count);
      length -= static_cast<size_t>(count);
    }
    return 0;
  }

 private:
  const std::unique_ptr<HostImage> image_;
};

}  // namespace

int open_host_source(int fd, bool lock, std::unique_ptr<BlockSource>& result) {
  std::unique_ptr<HostImage> image;
  if (const int error = HostImage::open(fd, {.read_only = true, .lock = lock}, image)) return error;
  result = std::make_unique<FileSource>(std::move(image));
  return 0;
}

}  // namespace lkl::host
