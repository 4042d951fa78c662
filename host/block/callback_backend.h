// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cerrno>
#include <functional>
#include <mutex>

#include "block/blocking_backend.h"

namespace lkl::host {

// A disk that the application implements by a function that may block. Requests
// come to it one after the other.
class CallbackBackend final : public BlockingBackend {
 public:
  // 0 or -errno. For kFlush the vector is empty.
  using Function = std::function<int(BlockOp op, uint64_t offset, std::span<IoVec> vector)>;

  CallbackBackend(uint64_t size, EventLoop& loop, Function function)
      : BlockingBackend(loop), size_(size), function_(std::move(function)) {}

  uint64_t size() const override { return size_; }

 private:
  int64_t run_blocking(BlockRequest& request) override {
    if (request.op == BlockOp::kDiscard || request.op == BlockOp::kWriteZeroes) return -EOPNOTSUPP;
    const std::lock_guard lock(one_at_a_time_);
    return function_(request.op, request.offset, request.vector);
  }

  const uint64_t size_;
  const Function function_;
  std::mutex one_at_a_time_;
};

}  // namespace lkl::host
