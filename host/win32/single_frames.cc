// SPDX-License-Identifier: GPL-2.0
#include "win32/single_frames.h"

#include <ws2tcpip.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/vector.h"

namespace lkl::host {
namespace {

bool same(const sockaddr_storage& one, const sockaddr_storage& other) {
  if (one.ss_family != other.ss_family) return false;
  if (one.ss_family == AF_INET) {
    const auto& a = reinterpret_cast<const sockaddr_in&>(one);
    const auto& b = reinterpret_cast<const sockaddr_in&>(other);
    return a.sin_port == b.sin_port &&
           std::memcmp(&a.sin_addr, &b.sin_addr, sizeof a.sin_addr) == 0;
  }
  const auto& a = reinterpret_cast<const sockaddr_in6&>(one);
  const auto& b = reinterpret_cast<const sockaddr_in6&>(other);
  return a.sin6_port == b.sin6_port &&
         std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
}

}  // namespace

SingleFrames::SingleFrames(WireHandle handle, Signal& in, Signal& out,
                           bool (*passes)(int64_t error), const WireTransfer::Sender& remote)
    : SingleFrames(std::move(handle), in, out, passes, std::optional(remote)) {}

SingleFrames::SingleFrames(WireHandle handle, Signal& in, Signal& out,
                           bool (*passes)(int64_t error))
    : SingleFrames(std::move(handle), in, out, passes, std::nullopt) {}

SingleFrames::SingleFrames(WireHandle handle, Signal& in, Signal& out,
                           bool (*passes)(int64_t error),
                           std::optional<WireTransfer::Sender> remote)
    : handle_(std::move(handle)),
      in_(in),
      out_(out),
      passes_(passes),
      remote_(remote),
      to_read_(std::make_unique_for_overwrite<std::byte[]>(kLongest)),
      to_write_(std::make_unique_for_overwrite<std::byte[]>(kLongest)) {
  in_.set(true);  // the first read is for receive() to start
  out_.set(true);
}

SingleFrames::~SingleFrames() {
  for (WireTransfer* const transfer : {&write_, &read_}) {
    transfer->cancel(handle_);
    transfer->wait();
  }
}

// Of a frame that could not be sent nobody is told: it is lost, as on any wire.
void SingleFrames::ended(WireTransfer& transfer, int64_t result) {
  const std::lock_guard lock(mutex_);
  if (&transfer == &write_) {
    writing_ = false;
    out_.set(true);
    return;
  }
  reading_ = false;
  has_read_ = true;
  read_result_ = result;
  in_.set(true);
}

int SingleFrames::send(std::span<const IoVec> frame) {
  const size_t size = size_of(frame);
  if (size == 0 || size > kLongest) return -EMSGSIZE;
  const std::lock_guard lock(mutex_);
  if (writing_) {
    out_.set(false);
    return -EAGAIN;
  }
  gather(frame, {to_write_.get(), size});
  writing_ = true;
  const std::span<const std::byte> bytes(to_write_.get(), size);
  const int64_t result = remote_ ? write_.start_write_to(handle_, bytes, *remote_)
                                 : write_.start_write(handle_, bytes);
  if (result == -EINPROGRESS) return 0;
  writing_ = false;
  return result < 0 ? static_cast<int>(result) : 0;
}

bool SingleFrames::is_from_remote() const {
  return !remote_ || same(remote_->address, sender_.address);
}

int64_t SingleFrames::receive(std::span<const IoVec> room) {
  const std::lock_guard lock(mutex_);
  while (!reading_) {
    if (std::exchange(has_read_, false)) {
      const int64_t size = read_result_;
      // what is empty or too long is no frame
      if (size > 0 && is_from_remote() &&
          scatter({to_read_.get(), static_cast<size_t>(size)}, room))
        return size;
      if (size < 0 && !passes_(size)) {
        has_read_ = true;
        return size;
      }
    }
    reading_ = true;
    const std::span<std::byte> all(to_read_.get(), kLongest);
    const int64_t result =
        remote_ ? read_.start_read_from(handle_, all, sender_) : read_.start_read(handle_, all);
    if (result == -EINPROGRESS) break;
    reading_ = false;
    has_read_ = true;
    read_result_ = result;
  }
  return -EAGAIN;
}

}  // namespace lkl::host
