// SPDX-License-Identifier: GPL-2.0
// The one place that knows which backends there are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "block/backend.h"

namespace lkl::host {

struct BackendOptions {
  bool read_only = false;
  bool lock = true;             // see HostDiskOptions
  bool snapshot = false;        // what is written stays in memory, and is forgotten
  bool wait_for_space = false;  // see HostDiskOptions: only for a file that is written itself
  // Gets a line now and then, see HostDiskOptions.
  std::function<void(std::string_view line)> say = {};
};

// All of them: 0 or -errno.

// "mem:64M", "nbd://...", "file:PATH", or a path.
int open_backend(const std::string& uri, const BackendOptions& options, EventLoop& loop,
                 std::unique_ptr<BlockBackend>& backend);

// An image or a block device; the descriptor may be closed afterwards.
int open_file_backend(int fd, const BackendOptions& options, EventLoop& loop,
                      std::unique_ptr<BlockBackend>& backend);

// `memory` stays the caller's; null: memory of its own.
int open_memory_backend(uint64_t size, void* memory, const BackendOptions& options,
                        std::unique_ptr<BlockBackend>& backend);

}  // namespace lkl::host
