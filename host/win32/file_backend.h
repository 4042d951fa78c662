// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "block/host_disk.h"
#include "block/space_wait.h"
#include "win32/host_image.h"

namespace lkl::host {

// A raw image file, or a disk of the host.
class FileBackend final : public BlockBackend {
 public:
  FileBackend(std::unique_ptr<HostImage> image, const HostDiskOptions& options, EventLoop& loop);

  uint64_t size() const override { return image_->size(); }
  unsigned block_size() const override { return image_->block_size(); }
  bool read_only() const override { return image_->read_only(); }
  bool can_discard() const override { return !read_only(); }
  void stop_waiting() override { space_.stop(); }

 private:
  // Made beforehand: there is little stack where they are needed.
  struct Lines {
    std::string truncated, full, waits, goes_on;
  };

  void start(BlockRequest& request) override;
  void resume(BlockRequest& request, int64_t result) override;
  int64_t run_blocking(BlockRequest& request) override;
  void go_on(BlockRequest& request);
  void no_space(BlockRequest& request, int error);
  void end(BlockRequest& request, int error);
  void say_once(std::atomic<bool>& said, const std::string& line);
  int write_zeroes(uint64_t offset, uint64_t length) const;

  const std::unique_ptr<HostImage> image_;
  EventLoop& loop_;
  const bool wait_for_space_;
  const std::function<void(std::string_view)> say_;
  const Lines lines_;
  SpaceWait space_;
  std::atomic<bool> said_truncated_ = false;
  std::atomic<bool> said_full_ = false;
};

}  // namespace lkl::host
