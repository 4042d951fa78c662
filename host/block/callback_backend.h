// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cerrno>
#include <functional>
#include <mutex>

#include "block/backend.h"

namespace lkl {

// A disk that the application implements by a function that may block. Requests
// come to it one after the other.
class CallbackBackend final : public BlockBackend {
 public:
  // 0 or -errno. For kFlush the vector is empty.
  using Function = std::function<int(BlockOp op, uint64_t offset, std::span<iovec> vector)>;

  CallbackBackend(uint64_t size, EventLoop& loop, Function function)
      : size_(size), loop_(loop), function_(std::move(function)) {}

  uint64_t size() const override { return size_; }

  void submit(BlockRequest& request) override {
    own(request, *this);
    if (request.op == BlockOp::kDiscard || request.op == BlockOp::kWriteZeroes)
      request.completed(-EOPNOTSUPP);
    else
      loop_.run_blocking(request, request);
  }

 private:
  void resume(BlockRequest& request, int64_t result) override {
    request.completed(static_cast<int>(result));
  }

  int64_t run_blocking(BlockRequest& request) override {
    const std::lock_guard lock(one_at_a_time_);
    return function_(request.op, request.offset, request.vector);
  }

  const uint64_t size_;
  EventLoop& loop_;
  const Function function_;
  std::mutex one_at_a_time_;
};

}  // namespace lkl
