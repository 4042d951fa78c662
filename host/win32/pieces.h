// SPDX-License-Identifier: GPL-2.0
// Windows reads and writes one piece of memory a call: neighbours are one piece.
#pragma once

#include <windows.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host.h"

namespace lkl::host {

struct Piece {
  std::byte* base;
  DWORD size;
};

class Pieces final {
 public:
  static constexpr size_t kMost = 64 << 20;   // of one call
  static constexpr size_t kLarge = 64 << 10;  // worth a call of its own

  explicit Pieces(std::span<const IoVec> vector, size_t skip = 0) : rest_(vector), skip_(skip) {
    while (!rest_.empty() && skip_ >= rest_.front().size) {
      skip_ -= rest_.front().size;
      rest_ = rest_.subspan(1);
    }
  }
  bool empty() const { return rest_.empty(); }
  Piece next() {
    std::byte* const base = static_cast<std::byte*>(rest_.front().base) + skip_;
    size_t size = 0;
    while (!rest_.empty() && static_cast<std::byte*>(rest_.front().base) + skip_ == base + size &&
           size < kMost) {
      const size_t part = std::min(rest_.front().size - skip_, kMost - size);
      size += part;
      skip_ += part;
      if (skip_ < rest_.front().size) break;
      skip_ = 0;
      rest_ = rest_.subspan(1);
    }
    return {base, static_cast<DWORD>(size)};
  }

 private:
  std::span<const IoVec> rest_;
  size_t skip_;  // of the first one
};

inline OVERLAPPED place_of(uint64_t offset) {
  OVERLAPPED place = {};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return place;
}

}  // namespace lkl::host
