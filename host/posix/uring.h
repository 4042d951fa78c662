// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <liburing.h>

#include "io/operation.h"

namespace lkl::host {

// A ring of io_uring that can be asked for reads, writes and syncs only. Filled by one
// thread, emptied by one thread at a time.
class Uring final {
 public:
  Uring() = default;
  ~Uring() { close(); }
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  // -errno when the host has none for us (old kernel, seccomp, sysctl, no descriptors).
  int open();
  void close();
  bool is_open() const { return open_; }
  // Readable when there is something to reap().
  int fd() const { return open_ ? ring_.ring_fd : -1; }

  // Starts what it can take off the front. 0, or -errno if the host takes no more, ever.
  int submit(IoOperationList& operations);
  // What has ended, with its result.
  IoOperationList reap();

 private:
  static constexpr unsigned kEntries = 256;

  int restrict_operations();

  io_uring ring_ = {};
  bool open_ = false;
};

}  // namespace lkl::host
