// SPDX-License-Identifier: GPL-2.0
#include "block/overlay_backend.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace lkl::host {
int OverlayBackend::open(std::unique_ptr<BlockSource> base, EventLoop& loop,
                         std::unique_ptr<OverlayBackend>& result) {
  ScratchFile file;
  if (const int error = ScratchFile::make(base->size(), file)) return error;
  result.reset(new OverlayBackend(std::move(base), loop, std::move(file)));
  return 0;
}

OverlayBackend::OverlayBackend(std::unique_ptr<BlockSource> base, EventLoop& loop, ScratchFile file)
    : BlockingBackend(loop),
      base_(std::move(base)),
      file_(std::move(file)),
      written_((base_->size() + kBlock - 1) / kBlock) {}

int64_t OverlayBackend::run_blocking(BlockRequest& request) {
  uint64_t offset = request.offset;
  switch (request.op) {
    case BlockOp::kRead:
    case BlockOp::kWrite:
      for (const IoVec& part : request.vector) {
        auto* const bytes = static_cast<std::byte*>(part.base);
        if (const int error = request.op == BlockOp::kRead ? read(bytes, part.size, offset)
                                                           : write(bytes, part.size, offset))
          return error;
        offset += part.size;
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
    if (const int error = written ? file_.read(to, part, offset) : base_->read(to, part, offset))
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
  if (const int error = file_.write(block.data(), size, start)) return error;
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
              in_block ? write_part(from, part, offset) : file_.write(from, part, offset))
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
      if (const int error = file_.punch(part, offset)) return error;
      mark(offset, part);
    } else if (const int error = write_part(kZeroes.data(), part, offset)) {
      return error;
    }
    offset += part;
    length -= part;
  }
  return 0;
}

}  // namespace lkl::host
