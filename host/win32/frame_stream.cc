// SPDX-License-Identifier: GPL-2.0
#include "win32/frame_stream.h"

#include <cerrno>
#include <utility>

#include "host.h"
#include "net/vector.h"

namespace lkl::host {

FrameStream::FrameStream(WireHandle handle, size_t longest, Signal& in, Signal& out)
    : handle_(std::move(handle)), longest_(longest), in_(in), out_(out), reader_(longest) {
  now_.reserve(kRoom);
  next_.reserve(kRoom);
  in_.set(true);  // the first read is for receive() to start
}

FrameStream::~FrameStream() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  for (WireTransfer* const transfer : {&write_, &read_}) {
    transfer->cancel(handle_);
    transfer->wait();
  }
}

void FrameStream::ended(WireTransfer& transfer, int64_t result) {
  const std::lock_guard lock(mutex_);
  if (&transfer == &read_) {
    has_read(result);
    in_.set(true);
    return;
  }
  written(result);
  write_next();
}

// ---- sending ----

void FrameStream::write_next() {
  while (!writing_ && !closing_ && !broken_ && !(now_.empty() && next_.empty())) {
    if (now_.empty()) std::swap(now_, next_);
    writing_ = true;
    const int64_t result = write_.start_write(handle_, now_);
    if (result == -EINPROGRESS) return;
    written(result);
  }
}

void FrameStream::written(int64_t result) {
  writing_ = false;
  if (result < 0) {
    broken_ = static_cast<int>(result);
    next_.clear();
    now_.clear();
  } else {
    now_.erase(now_.begin(), now_.begin() + result);
  }
  if (!refused_ || next_.size() > kRoom / 2) return;
  refused_ = false;
  refused_since_ns_ = 0;
  out_.set_alarm(UINT64_MAX);
  out_.set(true);
}

int FrameStream::refuse(WhenFull when_full) {
  if (when_full == WhenFull::kIsLost) return 0;
  if (when_full == WhenFull::kWaitABit) {
    const uint64_t now = monotonic_ns();
    if (refused_since_ns_ == 0) refused_since_ns_ = now;
    if (now - refused_since_ns_ >= kPatience) {
      out_.set_alarm(UINT64_MAX);
      out_.set(true);
      return 0;
    }
    out_.set_alarm(refused_since_ns_ + kPatience);
  }
  refused_ = true;
  out_.set(false);
  return -EAGAIN;
}

int FrameStream::send(std::span<const IoVec> frame, WhenFull when_full) {
  const size_t size = size_of(frame);
  if (size == 0 || size > longest_) return -EMSGSIZE;
  const std::lock_guard lock(mutex_);
  if (broken_) return broken_;
  if (next_.size() + kLengthSize + size > kRoom) return refuse(when_full);
  const auto length = length_of_frame(size);
  next_.insert(next_.end(), length.begin(), length.end());
  const size_t begin = next_.size();
  next_.resize(begin + size);
  gather(frame, std::span(next_).subspan(begin));
  write_next();
  return 0;
}

// ---- receiving ----

void FrameStream::has_read(int64_t result) {
  reading_ = false;
  if (result > 0) return reader_.filled(static_cast<size_t>(result));
  at_end_ = true;
  end_ = result == -EPIPE ? 0 : result;
}

int64_t FrameStream::receive(std::span<const IoVec> room) {
  const std::lock_guard lock(mutex_);
  while (!reading_) {
    if (const int64_t size = reader_.next(room)) return size;
    if (at_end_) return end_;
    reading_ = true;
    const int64_t result = read_.start_read(handle_, reader_.space());
    if (result != -EINPROGRESS) has_read(result);
  }
  return -EAGAIN;
}

}  // namespace lkl::host
