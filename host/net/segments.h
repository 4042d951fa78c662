// SPDX-License-Identifier: GPL-2.0
// Frames that a card has left unfinished (virtio 1.2, section 5.1.6), finished: checksums are made,
// segments of TCP are cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lkl::host {

// The checksum is made if it is not; the header says so then. The frame has its header in front.
void complete_checksum(std::span<std::byte> frame);

// One after the other, as they go over a wire.
class Segments final {
 public:
  // The longest header of a segment: the card's, Ethernet with tags, IP with options, TCP.
  static constexpr size_t kLongestHeaders = 512;

  // A frame with its header in front, which stays. What is not to be cut, or can't be, is one.
  explicit Segments(std::span<const std::byte> frame);

  size_t count() const { return count_; }
  // Bytes of the next one, with its header in front; 0: that was all. As much room as the frame had
  // is enough.
  size_t next(std::span<std::byte> to);

 private:
  bool can_be_cut();

  const std::span<const std::byte> frame_;
  size_t ip_ = 0, tcp_ = 0, headers_ = 0, each_ = 0;  // offsets; bytes of each segment
  bool v6_ = false;
  const bool cut_;
  size_t count_ = 1, done_ = 0;
};

}  // namespace lkl::host
