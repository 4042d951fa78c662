// SPDX-License-Identifier: GPL-2.0
#pragma once

#include "block/backend.h"

namespace lkl::host {

// A disk of memory.
class MemoryBackend final : public BlockBackend {
 public:
  // Zeroed; what was never written, or is discarded, costs nothing. Throws std::bad_alloc.
  explicit MemoryBackend(uint64_t size);
  // The caller's memory, which must stay; there is nothing to discard.
  explicit MemoryBackend(std::span<std::byte> memory);
  ~MemoryBackend() override;
  MemoryBackend(const MemoryBackend&) = delete;
  MemoryBackend& operator=(const MemoryBackend&) = delete;

  uint64_t size() const override { return size_; }
  bool can_discard() const override { return owned_; }
  std::span<std::byte> bytes() { return {base_, size_}; }

 private:
  void start(BlockRequest& request) override;
  void resume(BlockRequest&, int64_t) override {}
  int64_t run_blocking(BlockRequest&) override { return 0; }
  void clear(uint64_t offset, uint64_t length);

  std::byte* const base_;
  const uint64_t size_;
  const bool owned_;
};

}  // namespace lkl::host
