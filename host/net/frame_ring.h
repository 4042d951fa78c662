// SPDX-License-Identifier: GPL-2.0
// Frames from one process to another through memory that both have: one writes, one reads. Neither
// believes the other: an index that can't be, or a length, ends it, and what is taken is copied
// before anybody looks at it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "host.h"
#include "net/backend.h"

namespace lkl::host {

// Zeroed when it is new. Bytes are counted from the beginning on, so indices only grow.
struct FrameRing {
  static constexpr size_t kRoom = size_t{1} << 20;
  static constexpr size_t kLongest = NetBackend::kHeaderSize + NetBackend::kMaxSegment;

  alignas(64) std::atomic<uint64_t> written;
  alignas(64) std::atomic<uint64_t> taken;
  // Who sleeps says so first and looks once more then. 1: a bell is wanted; who rings makes it 0.
  alignas(64) std::atomic<uint32_t> reader_sleeps;
  alignas(64) std::atomic<uint32_t> writer_waits;
  alignas(4096) std::byte data[kRoom];  // a length of 4 bytes, the frame, padding to 8
};

class RingWriter final {
 public:
  explicit RingWriter(FrameRing& ring) : ring_(ring) {}

  // 0; -EAGAIN: no room now; -EMSGSIZE; -EPROTO: the reader has broken the ring.
  int put(std::span<const IoVec> frame);
  // After put(): whether the reader sleeps and has to be woken, by the caller.
  bool reader_wants_bell();
  // Half of it has to be free before the reader rings. False: it is already.
  bool wait_for_room();
  bool has_room() const { return used() <= FrameRing::kRoom / 2; }
  // Changes when the reader takes something.
  uint64_t taken() const { return ring_.taken.load(std::memory_order_acquire); }

 private:
  uint64_t used() const { return written_ - taken(); }
  void copy_in(uint64_t at, const void* from, size_t size);

  FrameRing& ring_;
  uint64_t written_ = 0;  // ours, that nobody else changes
};

class RingReader final {
 public:
  explicit RingReader(FrameRing& ring) : ring_(ring) {}

  // Bytes of the next frame; -EAGAIN: there is none; -EMSGSIZE: it was longer than the room, and is
  // gone; -EPROTO: the writer has broken the ring.
  int64_t take(std::span<const IoVec> room);
  // After take(): whether the writer waits and has room now.
  bool writer_wants_bell();
  // The next frame rings the bell: to be said before the last look.
  void sleep() { ring_.reader_sleeps.store(1); }

 private:
  void copy_out(uint64_t at, void* to, size_t size) const;

  FrameRing& ring_;
  uint64_t taken_ = 0;
};

}  // namespace lkl::host
