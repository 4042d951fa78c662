// SPDX-License-Identifier: GPL-2.0
// Frames over a handle that is a stream of bytes, a pipe's or a socket's, in the framing of
// net/stream_frames.h.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "net/stream_frames.h"
#include "win32/signal.h"
#include "win32/wire_port.h"

namespace lkl::host {

// What is sent is copied, and goes out by one write after the other; what comes is read ahead. Any
// thread, of each direction one at a time.
class FrameStream final : WireTransfer::Told {
 public:
  // What a frame does for which there is no room.
  enum class WhenFull {
    kWait,      // it is refused, until there is some
    kWaitABit,  // the same, but if nothing has gone out for a second it is lost
    kIsLost,
  };

  // `in` is set when receive() may have something, `out` when send() has room again; that is not
  // ready any more when send() has refused a frame. They outlive this.
  FrameStream(WireHandle handle, size_t longest, Signal& in, Signal& out);
  ~FrameStream();
  FrameStream(const FrameStream&) = delete;
  FrameStream& operator=(const FrameStream&) = delete;

  // 0; -EAGAIN: refused; or another -errno.
  int send(std::span<const IoVec> frame, WhenFull when_full);
  // Bytes; -EAGAIN; 0 or another -errno: the end; -EPROTO: what comes are no frames.
  int64_t receive(std::span<const IoVec> room);

 private:
  static constexpr size_t kRoom = size_t{128} << 10;
  static constexpr uint64_t kPatience = 1'000'000'000;

  void ended(WireTransfer& transfer, int64_t result) override;
  int refuse(WhenFull when_full);
  void write_next();
  void written(int64_t result);
  void has_read(int64_t result);

  const WireHandle handle_;
  const size_t longest_;
  Signal &in_, &out_;

  std::mutex mutex_;  // guards what follows
  bool closing_ = false;
  // of who sends: what goes out now, and what is next
  std::vector<std::byte> now_, next_;
  bool writing_ = false, refused_ = false;
  uint64_t refused_since_ns_ = 0;
  int broken_ = 0;
  // of who receives; of a read that goes on the memory is not to be touched
  FrameReader reader_;
  bool reading_ = false, at_end_ = false;
  int64_t end_ = 0;

  WireTransfer write_{*this}, read_{*this};
};

}  // namespace lkl::host
