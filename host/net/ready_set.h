// SPDX-License-Identifier: GPL-2.0
// Several things to wait for by one descriptor: another one to be readable, or writable, and a
// moment. Each host has its own: host/posix.
#pragma once

#include <cstdint>

#include "descriptor.h"

namespace lkl::host {

// One thread at a time, on any stack.
class ReadySet final {
 public:
  // It is readable when `in` is readable; and, when that is asked for, when `out` is writable. Both
  // stay the caller's. 0 or -errno.
  int open(int in, int out);
  int descriptor() const { return set_.get(); }

  // From this moment on (monotonic_ns()) it is readable; UINT64_MAX: not for this.
  void set_alarm(uint64_t at_ns);
  void want_room(bool wanted);

 private:
  Descriptor set_, timer_, out_;
};

}  // namespace lkl::host
