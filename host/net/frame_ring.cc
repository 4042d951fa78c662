// SPDX-License-Identifier: GPL-2.0
#include "net/frame_ring.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/vector.h"

namespace lkl::host {
namespace {

constexpr size_t kLengthSize = sizeof(uint32_t);

constexpr uint64_t record_size(size_t frame) {
  return (kLengthSize + frame + 7) & ~uint64_t{7};
}

}  // namespace

// ---- writing ----

void RingWriter::copy_in(uint64_t at, const void* from, size_t size) {
  const size_t start = at % FrameRing::kRoom;
  const size_t first = std::min(size, FrameRing::kRoom - start);
  std::memcpy(ring_.data + start, from, first);
  std::memcpy(ring_.data, static_cast<const std::byte*>(from) + first, size - first);
}

int RingWriter::put(std::span<const IoVec> frame) {
  const size_t size = size_of(frame);
  if (size > FrameRing::kLongest) return -EMSGSIZE;
  const uint64_t before = used();
  if (before > FrameRing::kRoom) return -EPROTO;
  if (before + record_size(size) > FrameRing::kRoom) return -EAGAIN;
  const auto length = static_cast<uint32_t>(size);
  uint64_t at = written_;
  copy_in(at, &length, sizeof length);
  at += kLengthSize;
  for (const IoVec& part : frame) {
    copy_in(at, part.base, part.size);
    at += part.size;
  }
  written_ += record_size(size);
  ring_.written.store(written_);  // then reader_sleeps is looked at
  return 0;
}

bool RingWriter::reader_wants_bell() {
  return ring_.reader_sleeps.load() != 0 && ring_.reader_sleeps.exchange(0) != 0;
}

bool RingWriter::wait_for_room() {
  ring_.writer_waits.store(1);
  const uint64_t now = written_ - ring_.taken.load();
  if (now > FrameRing::kRoom / 2) return true;
  ring_.writer_waits.store(0);
  return false;
}

// ---- reading ----

void RingReader::copy_out(uint64_t at, void* to, size_t size) const {
  const size_t start = at % FrameRing::kRoom;
  const size_t first = std::min(size, FrameRing::kRoom - start);
  std::memcpy(to, ring_.data + start, first);
  std::memcpy(static_cast<std::byte*>(to) + first, ring_.data, size - first);
}

int64_t RingReader::take(std::span<const IoVec> room) {
  const uint64_t there = ring_.written.load() - taken_;
  if (there == 0) return -EAGAIN;
  uint32_t length = 0;
  if (there > FrameRing::kRoom || there < record_size(0)) return -EPROTO;
  copy_out(taken_, &length, sizeof length);
  if (length > FrameRing::kLongest || record_size(length) > there) return -EPROTO;
  uint64_t at = taken_ + kLengthSize;
  size_t left = length;
  for (const IoVec& part : room) {
    const size_t count = std::min(left, part.size);
    copy_out(at, part.base, count);
    at += count;
    left -= count;
    if (left == 0) break;
  }
  taken_ += record_size(length);
  ring_.taken.store(taken_);  // then writer_waits is looked at
  return left == 0 ? static_cast<int64_t>(length) : -EMSGSIZE;
}

bool RingReader::writer_wants_bell() {
  if (ring_.writer_waits.load() == 0) return false;
  if (ring_.written.load() - taken_ > FrameRing::kRoom / 2) return false;
  return ring_.writer_waits.exchange(0) != 0;
}

}  // namespace lkl::host
