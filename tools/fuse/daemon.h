// SPDX-License-Identifier: GPL-2.0
//
// A process in the background whose start was a success or a failure that the caller can see.
#ifndef LKL_FUSE_DAEMON_H
#define LKL_FUSE_DAEMON_H

#include "base/descriptor.h"

namespace lkl::fuse {

class Daemon {
 public:
  // Forks; only the child returns. The parent waits for the child's ready() and exits with 0, or
  // with the child's own exit code when that ends before. To be called before the kernel is booted
  // and while there is one thread.
  void start();

  // Everything is set up: lets the parent go, and leaves terminal and working directory.
  // Standard error leads to `errors` from then on, if that is a descriptor (>= 0).
  void ready(int errors);

  // Whether start() was called and ready() was too: nobody reads standard error any more.
  bool detached() const { return detached_; }

 private:
  tool::Descriptor parent_;  // pipe to it
  tool::Descriptor null_;    // open, since later it cannot be
  bool detached_ = false;
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_DAEMON_H
