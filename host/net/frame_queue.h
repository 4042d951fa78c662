// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "host.h"

namespace lkl::host {

// Frames that wait, in memory that is taken once and of which only as much is touched as they need:
// an empty one begins at its start again.
class FrameQueue final {
 public:
  explicit FrameQueue(size_t capacity)
      : capacity_(capacity), memory_(std::make_unique_for_overwrite<std::byte[]>(capacity)) {}

  bool empty() const { return bytes_ == 0; }
  // Memory that they take.
  size_t bytes() const { return bytes_; }

  // Whether there was room.
  bool push(std::span<const std::byte> frame) {
    const size_t need = entry_size(frame.size());
    if (empty()) begin_ = end_ = 0;
    if (begin_ > end_ || bytes_ == 0) {
      if (need > (bytes_ == 0 ? capacity_ : begin_ - end_ - 1)) return false;
    } else if (need > capacity_ - end_) {
      if (need >= begin_) return false;
      wrap_ = end_;
      end_ = 0;
    }
    const uint64_t size = frame.size();
    std::memcpy(&memory_[end_], &size, sizeof size);
    if (size > 0) std::memcpy(&memory_[end_ + sizeof size], frame.data(), size);
    end_ += need;
    bytes_ += need;
    return true;
  }

  // The first one, taken out; its length, of which as much is copied as there is room. There is
  // one.
  size_t pop(std::span<const IoVec> room) {
    if (begin_ > end_ && begin_ == wrap_) begin_ = 0;
    uint64_t size;
    std::memcpy(&size, &memory_[begin_], sizeof size);
    const std::byte* from = &memory_[begin_ + sizeof size];
    size_t left = size;
    for (const IoVec& part : room) {
      const size_t count = std::min(left, part.size);
      std::memcpy(part.base, from, count);
      from += count;
      left -= count;
      if (left == 0) break;
    }
    begin_ += entry_size(size);
    bytes_ -= entry_size(size);
    return size;
  }

 private:
  static constexpr size_t entry_size(size_t size) {
    return (sizeof(uint64_t) + size + 7) & ~size_t{7};
  }

  const size_t capacity_;
  const std::unique_ptr<std::byte[]> memory_;
  // Frames are from begin_ to end_; or to wrap_, and from 0 to end_.
  size_t begin_ = 0, end_ = 0, wrap_ = 0, bytes_ = 0;
};

}  // namespace lkl::host
