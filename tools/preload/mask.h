// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_PRELOAD_MASK_H
#define LKL_TOOL_PRELOAD_MASK_H

#include <signal.h>

#include "preload/libc.h"

namespace lkl::preload {

// The library may not be without the handlers of those two.
inline sigset_t all_but_faults() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigdelset(&all, SIGSEGV);
  ::sigdelset(&all, SIGBUS);
  return all;
}

// Those signals are blocked meanwhile, as for pselect(2). Of who is inside: what comes now waits
// until it is outside, and ends the call. nullptr changes nothing.
class MaskFor {
 public:
  explicit MaskFor(const sigset_t* mask) : given_(mask != nullptr) {
    if (given_) libc().pthread_sigmask(SIG_SETMASK, mask, &before_);
  }
  ~MaskFor() {
    if (given_) libc().pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  MaskFor(const MaskFor&) = delete;
  MaskFor& operator=(const MaskFor&) = delete;

  const sigset_t& before() const { return before_; }

 private:
  bool given_;
  sigset_t before_;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_MASK_H
