// SPDX-License-Identifier: GPL-2.0
// Frames in a stream of bytes, as qemu's "-netdev stream" and passt have them: 4 bytes with the
// frame's length, the first of them the highest, then the frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "net/backend.h"

namespace lkl::host {

inline constexpr size_t kLengthSize = 4;

std::array<std::byte, kLengthSize> length_of_frame(size_t length);

// What has been read of a stream, in pieces as they come, and the frames in it.
class FrameReader final {
 public:
  static constexpr size_t kLongest = kLengthSize + NetBackend::kMaxSegment;

  // A frame can't be longer than this.
  explicit FrameReader(size_t longest = NetBackend::kMaxSegment);

  // Where the next piece goes, behind what is there; never empty if next() has returned 0.
  std::span<std::byte> space();
  void filled(size_t size) { end_ += size; }

  // The next frame: its bytes. 0 if it is not there as a whole; -EPROTO if the stream is none of
  // frames, from here on. One that is longer than the room is left out.
  int64_t next(std::span<const IoVec> room);
  // Whether next() would return something else than 0.
  bool ready() const;
  // The stream ends here, another one begins.
  void clear() { begin_ = end_ = 0; }

 private:
  size_t there() const { return end_ - begin_; }
  size_t length() const;

  const size_t longest_;
  // holds the longest frame and a half one before it that could not be moved yet
  const size_t capacity_ = 2 * (kLengthSize + longest_);
  const std::unique_ptr<std::byte[]> bytes_;
  size_t begin_ = 0, end_ = 0;
};

}  // namespace lkl::host
