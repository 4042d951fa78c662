// SPDX-License-Identifier: GPL-2.0
#include "net/stream_frames.h"

#include <cerrno>
#include <cstring>

#include "net/vector.h"

namespace lkl::host {
std::array<std::byte, kLengthSize> length_of_frame(size_t length) {
  std::array<std::byte, kLengthSize> bytes;
  for (size_t i = 0; i < kLengthSize; ++i)
    bytes[i] = static_cast<std::byte>(length >> 8 * (kLengthSize - 1 - i));
  return bytes;
}

FrameReader::FrameReader(size_t longest)
    : longest_(longest), bytes_(std::make_unique_for_overwrite<std::byte[]>(capacity_)) {}

std::span<std::byte> FrameReader::space() {
  if (begin_ > 0) {
    std::memmove(&bytes_[0], &bytes_[begin_], there());
    end_ -= begin_;
    begin_ = 0;
  }
  return {&bytes_[end_], capacity_ - end_};
}

size_t FrameReader::length() const {
  size_t length = 0;
  for (size_t i = 0; i < kLengthSize; ++i)
    length = length << 8 | std::to_integer<size_t>(bytes_[begin_ + i]);
  return length;
}

bool FrameReader::ready() const {
  if (there() < kLengthSize) return false;
  const size_t size = length();
  return size == 0 || size > longest_ || there() >= kLengthSize + size;
}

int64_t FrameReader::next(std::span<const IoVec> room) {
  while (ready()) {
    const size_t size = length();
    if (size == 0 || size > longest_) return -EPROTO;
    const std::span<const std::byte> frame(&bytes_[begin_ + kLengthSize], size);
    begin_ += kLengthSize + size;
    if (scatter(frame, room)) return static_cast<int64_t>(size);
  }
  return 0;
}

}  // namespace lkl::host
