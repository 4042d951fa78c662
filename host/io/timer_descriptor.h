// SPDX-License-Identifier: GPL-2.0
// A moment to wait for by a descriptor. Each host has its own: host/posix.
#pragma once

#include <cstdint>

#include "descriptor.h"

namespace lkl::host {

class TimerDescriptor final {
 public:
  // 0 or -errno.
  int open();
  void close() { timer_.reset(); }
  bool is_open() const { return static_cast<bool>(timer_); }
  int descriptor() const { return timer_.get(); }

  // From this moment on (monotonic_ns()) it is readable, and not before; UINT64_MAX: never. On any
  // stack.
  void set(uint64_t at_ns);

 private:
  Descriptor timer_;
};

}  // namespace lkl::host
