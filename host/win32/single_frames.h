// SPDX-License-Identifier: GPL-2.0
// A handle of which each read gives a frame and each write takes one: a socket of datagrams, or a
// network adapter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "net/backend.h"
#include "win32/signal.h"
#include "win32/wire_port.h"

namespace lkl::host {

// One read and one write at a time: what comes meanwhile is for the host to keep.
class SingleFrames final : WireTransfer::Told {
 public:
  // As those of FrameStream. `passes` says whether an error of a read is that of one frame, and the
  // next one may come.
  SingleFrames(WireHandle handle, Signal& in, Signal& out, bool (*passes)(int64_t error));
  // Of a socket of datagrams: they go to this address, and those that come from another one are
  // nothing.
  SingleFrames(WireHandle handle, Signal& in, Signal& out, bool (*passes)(int64_t error),
               const WireTransfer::Sender& remote);
  ~SingleFrames();
  SingleFrames(const SingleFrames&) = delete;
  SingleFrames& operator=(const SingleFrames&) = delete;

  HANDLE handle() const { return handle_.get(); }
  // 0; -EAGAIN; or -errno: the frame is lost.
  int send(std::span<const IoVec> frame);
  // Bytes; -EAGAIN; or another -errno: the end.
  int64_t receive(std::span<const IoVec> room);

 private:
  SingleFrames(WireHandle handle, Signal& in, Signal& out, bool (*passes)(int64_t error),
               std::optional<WireTransfer::Sender> remote);
  static constexpr size_t kLongest = NetBackend::kMaxSegment;

  void ended(WireTransfer& transfer, int64_t result) override;
  bool is_from_remote() const;

  const WireHandle handle_;
  Signal &in_, &out_;
  bool (*const passes_)(int64_t error);
  const std::optional<WireTransfer::Sender> remote_;

  std::mutex mutex_;  // guards what follows; memory of a transfer that goes on is not to be touched
  const std::unique_ptr<std::byte[]> to_read_, to_write_;
  bool reading_ = false, has_read_ = false, writing_ = false;
  int64_t read_result_ = 0;
  WireTransfer::Sender sender_ = {};

  WireTransfer write_{*this}, read_{*this};
};

}  // namespace lkl::host
