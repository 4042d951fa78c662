// SPDX-License-Identifier: GPL-2.0
#include "block/memory_backend.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "host.h"

namespace lkl::host {
namespace {

constexpr uint64_t kPage = 4096;

uint64_t reserved_size(uint64_t size) {
  return (size + kPage - 1) & ~(kPage - 1);
}

}  // namespace

MemoryBackend::MemoryBackend(uint64_t size)
    : base_(static_cast<std::byte*>(host::reserve_memory(reserved_size(size), kPage))),
      size_(size),
      owned_(true) {
  if (!base_) throw std::bad_alloc();
}

MemoryBackend::MemoryBackend(std::span<std::byte> memory)
    : base_(memory.data()), size_(memory.size()), owned_(false) {}

MemoryBackend::~MemoryBackend() {
  if (owned_) host::release_memory(base_, reserved_size(size_));
}

// Whole pages go back to the host, and read as zeroes again.
void MemoryBackend::clear(uint64_t offset, uint64_t length) {
  const uint64_t first = std::min((offset + kPage - 1) & ~(kPage - 1), offset + length);
  const uint64_t last = std::max((offset + length) & ~(kPage - 1), first);
  std::memset(base_ + offset, 0, first - offset);
  if (last > first) host::discard_memory(base_ + first, last - first);
  std::memset(base_ + last, 0, offset + length - last);
}

void MemoryBackend::start(BlockRequest& request) {
  std::byte* at = base_ + request.offset;
  switch (request.op) {
    case BlockOp::kRead:
      for (const IoVec& part : request.vector) {
        std::memcpy(part.base, at, part.size);
        at += part.size;
      }
      break;
    case BlockOp::kWrite:
      for (const IoVec& part : request.vector) {
        std::memcpy(at, part.base, part.size);
        at += part.size;
      }
      break;
    case BlockOp::kFlush:
      break;
    case BlockOp::kDiscard:
    case BlockOp::kWriteZeroes:
      if (!owned_) return request.completed(-EOPNOTSUPP);
      clear(request.offset, request.length);
      break;
  }
  request.completed(0);
}

}  // namespace lkl::host
