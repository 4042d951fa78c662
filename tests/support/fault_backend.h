// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <cerrno>
#include <memory>

#include "block/backend.h"

namespace lkl::host {

// A disk that fails on demand, for tests of what happens then. The switches may be
// changed by any thread at any time.
class FaultBackend final : public BlockBackend {
 public:
  explicit FaultBackend(std::unique_ptr<BlockBackend> inner) : inner_(std::move(inner)) {}

  std::atomic<bool> fail_reads = false;
  std::atomic<bool> fail_writes = false;
  std::atomic<bool> fail_flushes = false;
  std::atomic<uint64_t> flushes = 0;  // how many came
  std::atomic<uint64_t> writes = 0;

  uint64_t size() const override { return inner_->size(); }
  unsigned block_size() const override { return inner_->block_size(); }
  bool read_only() const override { return inner_->read_only(); }
  bool can_discard() const override { return inner_->can_discard(); }

 private:
  void start(BlockRequest& request) override {
    bool fails = false;
    switch (request.op) {
      case BlockOp::kRead:
        fails = fail_reads;
        break;
      case BlockOp::kFlush:
        ++flushes;
        fails = fail_flushes;
        break;
      case BlockOp::kWrite:
      case BlockOp::kDiscard:
      case BlockOp::kWriteZeroes:
        ++writes;
        fails = fail_writes;
        break;
    }
    if (fails)
      request.completed(-EIO);
    else
      inner_->submit(request);
  }
  void resume(BlockRequest&, int64_t) override {}
  int64_t run_blocking(BlockRequest&) override { return 0; }

  const std::unique_ptr<BlockBackend> inner_;
};

}  // namespace lkl::host
