// SPDX-License-Identifier: GPL-2.0
#include "posix/file_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "block/host_disk.h"
#include "posix/aligned_buffer.h"
#include "posix/whole.h"

namespace lkl::host {
int open_host_source(int fd, bool lock, std::unique_ptr<BlockSource>& result) {
  std::unique_ptr<HostImage> image;
  // Any piece of it may be asked for, which O_DIRECT does not give.
  if (const int error =
          HostImage::open(fd, {.read_only = true, .lock = lock, .direct = false}, image))
    return error;
  result = std::make_unique<FileSource>(std::move(image));
  return 0;
}

int FileSource::read(std::byte* to, size_t length, uint64_t offset) {
  return image_->is_direct() ? read_direct(to, length, offset)
                             : read_whole(image_->fd(), to, length, offset);
}

// The host did not let O_DIRECT be left out.
int FileSource::read_direct(std::byte* to, size_t length, uint64_t offset) {
  constexpr size_t kBuffer = 64 << 10;
  const size_t block = image_->block_size();
  AlignedBuffer buffer(kBuffer, std::max<size_t>(block, image_->memory_alignment()));
  if (!buffer.data()) return -ENOMEM;
  while (length > 0) {
    const size_t before = offset % block;
    const size_t wanted = std::min(length, kBuffer - before);
    const size_t whole = (before + wanted + block - 1) / block * block;
    if (const int error = read_whole(image_->fd(), buffer.data(), whole, offset - before))
      return error;
    std::memcpy(to, buffer.data() + before, wanted);
    to += wanted;
    offset += wanted;
    length -= wanted;
  }
  return 0;
}

}  // namespace lkl::host
