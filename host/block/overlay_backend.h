// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "block/blocking_backend.h"
#include "block/scratch_file.h"

namespace lkl::host {

// Copy on write: what is written goes to a temporary file without a name, the disk
// below is only read. All is gone with the object.
class OverlayBackend final : public BlockingBackend {
 public:
  // 0 or -errno, see ScratchFile::make().
  static int open(std::unique_ptr<BlockSource> base, EventLoop& loop,
                  std::unique_ptr<OverlayBackend>& result);

  uint64_t size() const override { return base_->size(); }
  unsigned block_size() const override { return base_->block_size(); }
  bool can_discard() const override { return true; }

 private:
  static constexpr uint64_t kBlock = 4096;

  OverlayBackend(std::unique_ptr<BlockSource> base, EventLoop& loop, ScratchFile file);

  int64_t run_blocking(BlockRequest& request) override;
  int read(std::byte* to, uint64_t length, uint64_t offset);
  int write(const std::byte* from, uint64_t length, uint64_t offset);
  int clear(uint64_t length, uint64_t offset);
  int write_part(const std::byte* from, uint64_t length, uint64_t offset);
  // How much from `offset` on is in the same place, overlay or base, at most `length`.
  uint64_t same_place(uint64_t offset, uint64_t length, bool& written);
  void mark(uint64_t offset, uint64_t length);

  const std::unique_ptr<BlockSource> base_;
  const ScratchFile file_;
  std::mutex bits_mutex_;
  std::vector<bool> written_;  // for each block, whether it is in the overlay
  std::mutex part_mutex_;      // a block that is written in part is read, changed and written
};

}  // namespace lkl::host
