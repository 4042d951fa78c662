// SPDX-License-Identifier: GPL-2.0
#include "fs/recording_disk.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>

namespace lkl_test {
namespace {

std::span<const lkl_iovec> pieces(const lkl_blk_req& request) {
  return {request.buf, static_cast<size_t>(request.count)};
}

}  // namespace

RecordingDisk::RecordingDisk(const std::string& path) {
  bytes_.resize(std::filesystem::file_size(path));
  std::ifstream file(path, std::ios::binary);
  if (bytes_.empty() || !file.read(bytes_.data(), static_cast<std::streamsize>(bytes_.size())))
    throw std::runtime_error(path + ": an empty image, or one that cannot be read");
  disk_.handle = this;
  disk_.ops = &ops_;
}

size_t RecordingDisk::position() const {
  const std::lock_guard lock(mutex_);
  return record_.size();
}

int RecordingDisk::capacity(lkl_disk disk, unsigned long long* size) {
  *size = static_cast<RecordingDisk*>(disk.handle)->bytes_.size();
  return 0;
}

int RecordingDisk::request(lkl_disk disk, lkl_blk_req* request) {
  auto* self = static_cast<RecordingDisk*>(disk.handle);
  const std::lock_guard lock(self->mutex_);
  switch (request->type) {
    case LKL_DEV_BLK_TYPE_READ:
      return self->read(request->sector * 512, *request);
    case LKL_DEV_BLK_TYPE_WRITE:
      return self->write(request->sector * 512, *request);
    case LKL_DEV_BLK_TYPE_FLUSH:
      self->record_.push_back({.is_flush = true, .offset = 0, .data = {}});
      return LKL_DEV_BLK_STATUS_OK;
    default:
      return LKL_DEV_BLK_STATUS_UNSUP;
  }
}

int RecordingDisk::read(uint64_t offset, const lkl_blk_req& request) const {
  for (const lkl_iovec& piece : pieces(request)) {
    if (offset > bytes_.size() || piece.iov_len > bytes_.size() - offset)
      return LKL_DEV_BLK_STATUS_IOERR;
    std::memcpy(piece.iov_base, bytes_.data() + offset, piece.iov_len);
    offset += piece.iov_len;
  }
  return LKL_DEV_BLK_STATUS_OK;
}

int RecordingDisk::write(uint64_t offset, const lkl_blk_req& request) {
  std::string data;
  for (const lkl_iovec& piece : pieces(request))
    data.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  if (offset > bytes_.size() || data.size() > bytes_.size() - offset)
    return LKL_DEV_BLK_STATUS_IOERR;
  bytes_.replace(offset, data.size(), data);
  record_.push_back({.is_flush = false, .offset = offset, .data = std::move(data)});
  return LKL_DEV_BLK_STATUS_OK;
}

}  // namespace lkl_test
