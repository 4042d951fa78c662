// SPDX-License-Identifier: GPL-2.0
// Frames in pieces of memory, and in one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "host.h"

namespace lkl::host {

inline size_t size_of(std::span<const IoVec> vector) {
  size_t size = 0;
  for (const IoVec& part : vector) size += part.size;
  return size;
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

// Whether they had room for all of it; if not, what they hold is nothing.
inline bool scatter(std::span<const std::byte> bytes, std::span<const IoVec> room) {
  for (const IoVec& part : room) {
    const size_t count = std::min(part.size, bytes.size());
    if (count > 0) std::memcpy(part.base, bytes.data(), count);
    bytes = bytes.subspan(count);
  }
  return bytes.empty();
}

// How long it is; written only if it has room.
inline size_t gather(std::span<const IoVec> vector, std::span<std::byte> to) {
  const size_t size = size_of(vector);
  if (size > to.size()) return size;
  for (const IoVec& part : vector) {
    if (part.size > 0) std::memcpy(to.data(), part.base, part.size);
    to = to.subspan(part.size);
  }
  return size;
}

// From this offset on, as far as there is room.
inline void copy_to(std::span<const IoVec> frame, size_t offset, std::span<const std::byte> bytes) {
  for (const IoVec& part : frame) {
    if (offset >= part.size) {
      offset -= part.size;
      continue;
    }
    const size_t count = std::min(bytes.size(), part.size - offset);
    std::memcpy(static_cast<std::byte*>(part.base) + offset, bytes.data(), count);
    bytes = bytes.subspan(count);
    offset = 0;
    if (bytes.empty()) return;
  }
}

// From this offset on, as much as there is; how much.
inline size_t copy_from(std::span<const IoVec> frame, size_t offset, std::span<std::byte> to) {
  size_t done = 0;
  for (const IoVec& part : frame) {
    if (offset >= part.size) {
      offset -= part.size;
      continue;
    }
    const size_t count = std::min(to.size() - done, part.size - offset);
    std::memcpy(to.data() + done, static_cast<const std::byte*>(part.base) + offset, count);
    done += count;
    offset = 0;
    if (done == to.size()) break;
  }
  return done;
}

}  // namespace lkl::host
