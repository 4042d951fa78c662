// SPDX-License-Identifier: GPL-2.0
// Disks that are files and devices of the host. Each host has its own: host/posix.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "block/blocking_backend.h"

namespace lkl::host {

struct HostDiskOptions {
  bool read_only = false;       // also if the descriptor is not open for writing
  bool lock = true;             // one writer, or any number of readers
  bool wait_for_space = false;  // if the host's disk is full, instead of an error
  // Gets a line now and then, on any thread and on small stacks. Left out: standard error.
  std::function<void(std::string_view line)> say = {};
};

// 0 or -errno: EBUSY if somebody else holds the lock, EBADF, EINVAL if it is neither a file nor
// a block device, or only lets us append. The descriptor stays the caller's, to close at any time.
int open_host_disk(int fd, const HostDiskOptions& options, EventLoop& loop,
                   std::unique_ptr<BlockBackend>& result);
// Only to be read, at any place and length.
int open_host_source(int fd, bool lock, std::unique_ptr<BlockSource>& result);

}  // namespace lkl::host
