// SPDX-License-Identifier: GPL-2.0
#include "win32/gathering.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <new>

namespace lkl::host {
namespace {

// Those that nobody uses.
struct Unused {
  std::mutex mutex;
  std::array<std::unique_ptr<std::byte[]>, 4> buffers;
  size_t count = 0;
};
Unused unused;

// Calls copy(base, offset, size) for each stretch of `size` bytes behind `skip`.
template <typename Copy>
void for_each_stretch(std::span<const IoVec> vector, size_t skip, size_t size, Copy copy) {
  size_t at = 0;
  for (const IoVec& piece : vector) {
    if (at == size) return;
    if (skip >= piece.size) {
      skip -= piece.size;
      continue;
    }
    const size_t part = std::min(piece.size - skip, size - at);
    copy(static_cast<std::byte*>(piece.base) + skip, at, part);
    at += part;
    skip = 0;
  }
}

}  // namespace

GatherBuffer::GatherBuffer() {
  {
    const std::lock_guard lock(unused.mutex);
    if (unused.count > 0) bytes_ = std::move(unused.buffers[--unused.count]);
  }
  if (!bytes_) bytes_.reset(new (std::nothrow) std::byte[kSize]);
}

GatherBuffer::~GatherBuffer() {
  const std::lock_guard lock(unused.mutex);
  if (bytes_ && unused.count < unused.buffers.size())
    unused.buffers[unused.count++] = std::move(bytes_);
}

void gather(std::span<const IoVec> from, size_t skip, std::span<std::byte> to) {
  for_each_stretch(from, skip, to.size(), [&](std::byte* base, size_t at, size_t size) {
    std::memcpy(&to[at], base, size);
  });
}

void scatter(std::span<const std::byte> from, std::span<const IoVec> to, size_t skip) {
  for_each_stretch(to, skip, from.size(), [&](std::byte* base, size_t at, size_t size) {
    std::memcpy(base, &from[at], size);
  });
}

}  // namespace lkl::host
