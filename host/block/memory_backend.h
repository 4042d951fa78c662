// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "block/backend.h"

namespace lkl {

// A disk of zeroed memory; what was never written, or is discarded, costs nothing.
class MemoryBackend final : public BlockBackend {
 public:
  // Throws std::bad_alloc.
  explicit MemoryBackend(uint64_t size);
  ~MemoryBackend() override;
  MemoryBackend(const MemoryBackend&) = delete;
  MemoryBackend& operator=(const MemoryBackend&) = delete;

  uint64_t size() const override { return size_; }
  bool can_discard() const override { return true; }
  void submit(BlockRequest& request) override;
  std::span<std::byte> bytes() { return {base_, size_}; }

 private:
  void resume(BlockRequest&, int64_t) override {}
  int64_t run_blocking(BlockRequest&) override { return 0; }
  void clear(uint64_t offset, uint64_t length);

  std::byte* base_;
  const uint64_t size_;
};

}  // namespace lkl
