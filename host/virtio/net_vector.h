// SPDX-License-Identifier: GPL-2.0
// Pieces of memory that are one stretch of bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "host.h"

namespace lkl::host {

inline size_t total_size(std::span<const IoVec> vector) {
  size_t sum = 0;
  for (const IoVec& part : vector) sum += part.size;
  return sum;
}

// Takes so many bytes off the front; they are there.
inline void skip_front(std::span<IoVec>& vector, size_t size) {
  while (size > 0) {
    IoVec& part = vector.front();
    const size_t count = std::min(size, part.size);
    part.base = static_cast<std::byte*>(part.base) + count;
    part.size -= count;
    size -= count;
    if (part.size == 0) vector = vector.subspan(1);
  }
}

}  // namespace lkl::host
