// SPDX-License-Identifier: GPL-2.0
#include "block/overlay_backend.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "host.h"

namespace lkl {
namespace {

int temporary_file() {
  const char* folder = host::environment("TMPDIR");
  if (!folder) folder = "/var/tmp";
  int fd = ::open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd < 0 ? -errno : fd;
  std::string name = std::string(folder) + "/lkl-overlay-XXXXXX";
  fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return -errno;
  unlink(name.c_str());
  return fd;
}

// All of it, or -errno.
template <typename Call, typename Byte>
int whole(Call call, int fd, Byte* at, uint64_t length, uint64_t offset) {
  while (length > 0) {
    const ssize_t count = call(fd, at, length, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? -errno : -EIO;
    at += count;
    length -= static_cast<uint64_t>(count);
    offset += static_cast<uint64_t>(count);
  }
  return 0;
}

}  // namespace

int OverlayBackend::open(std::unique_ptr<BlockSource> base, EventLoop& loop,
                         std::unique_ptr<OverlayBackend>& result) {
  const int fd = temporary_file();
  if (fd < 0) return fd;
  if (ftruncate(fd, static_cast<off_t>(base->size())) < 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  result.reset(new OverlayBackend(std::move(base), loop, fd));
  return 0;
}

OverlayBackend::OverlayBackend(std::unique_ptr<BlockSource> base, EventLoop& loop, int fd)
    : BlockingBackend(loop),
      base_(std::move(base)),
      fd_(fd),
      written_((base_->size() + kBlock - 1) / kBlock) {}

OverlayBackend::~OverlayBackend() {
  close(fd_);
}

int64_t OverlayBackend::run_blocking(BlockRequest& request) {
  uint64_t offset = request.offset;
  switch (request.op) {
    case BlockOp::kRead:
    case BlockOp::kWrite:
      for (const iovec& part : request.vector) {
        auto* const bytes = static_cast<std::byte*>(part.iov_base);
        if (const int error = request.op == BlockOp::kRead ? read(bytes, part.iov_len, offset)
                                                           : write(bytes, part.iov_len, offset))
          return error;
        offset += part.iov_len;
      }
      return 0;
    case BlockOp::kFlush:
      return 0;  // it does not outlive the process
    case BlockOp::kDiscard:
    case BlockOp::kWriteZeroes:
      return clear(request.length, offset);
  }
  return -EOPNOTSUPP;
}

uint64_t OverlayBackend::same_place(uint64_t offset, uint64_t length, bool& written) {
  const std::lock_guard lock(bits_mutex_);
  uint64_t block = offset / kBlock;
  written = written_[block];
  const uint64_t end = offset + length;
  while (block * kBlock < end && written_[block] == written) ++block;
  return std::min(block * kBlock, end) - offset;
}

void OverlayBackend::mark(uint64_t offset, uint64_t length) {
  const std::lock_guard lock(bits_mutex_);
  for (uint64_t block = offset / kBlock; block * kBlock < offset + length; ++block)
    written_[block] = true;
}

int OverlayBackend::read(std::byte* to, uint64_t length, uint64_t offset) {
  while (length > 0) {
    bool written;
    const uint64_t part = same_place(offset, length, written);
    if (const int error =
            written ? whole(pread, fd_, to, part, offset) : base_->read(to, part, offset))
      return error;
    to += part;
    offset += part;
    length -= part;
  }
  return 0;
}

int OverlayBackend::write_part(const std::byte* from, uint64_t length, uint64_t offset) {
  const std::lock_guard lock(part_mutex_);
  const uint64_t start = offset / kBlock * kBlock;
  const uint64_t size = std::min(kBlock, this->size() - start);
  std::array<std::byte, kBlock> block;
  if (const int error = read(block.data(), size, start)) return error;
  std::memcpy(block.data() + (offset - start), from, length);
  if (const int error = whole(pwrite, fd_, block.data(), size, start)) return error;
  mark(start, size);
  return 0;
}

int OverlayBackend::write(const std::byte* from, uint64_t length, uint64_t offset) {
  while (length > 0) {
    const uint64_t in_block = offset % kBlock;
    uint64_t part = std::min(kBlock - in_block, length);
    if (part < kBlock && offset + part < size()) {
      if (const int error = write_part(from, part, offset)) return error;
    } else {
      part = in_block ? part : std::max(part, length / kBlock * kBlock);
      if (const int error =
              in_block ? write_part(from, part, offset) : whole(pwrite, fd_, from, part, offset))
        return error;
      mark(offset, part);
    }
    from += part;
    offset += part;
    length -= part;
  }
  return 0;
}

int OverlayBackend::clear(uint64_t length, uint64_t offset) {
  static constexpr std::array<std::byte, kBlock> kZeroes = {};
  while (length > 0) {
    const uint64_t in_block = offset % kBlock;
    uint64_t part = std::min(kBlock - in_block, length);
    if (in_block == 0 && length >= kBlock) {
      part = length / kBlock * kBlock;
      if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(part)) < 0)
        return -errno;
      mark(offset, part);
    } else if (const int error = write_part(kZeroes.data(), part, offset)) {
      return error;
    }
    offset += part;
    length -= part;
  }
  return 0;
}

}  // namespace lkl
