// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "block/backend.h"

namespace lkl::host {

// A disk whose operations may block: each is executed on a thread of the pool.
class BlockingBackend : public BlockBackend {
 public:
  explicit BlockingBackend(EventLoop& loop) : loop_(loop) {}

 private:
  void start(BlockRequest& request) final { loop_.run_blocking(request, request); }
  void resume(BlockRequest& request, int64_t result) final {
    request.completed(static_cast<int>(result));
  }

  EventLoop& loop_;
};

// A disk that is only read, by whoever may block. Thread-safe.
class BlockSource {
 public:
  virtual ~BlockSource() = default;

  virtual uint64_t size() const = 0;
  virtual unsigned block_size() const { return 512; }
  // All of it; 0 or -errno.
  virtual int read(std::byte* to, size_t length, uint64_t offset) = 0;
};

}  // namespace lkl::host
