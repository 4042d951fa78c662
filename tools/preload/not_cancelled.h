// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_PRELOAD_NOT_CANCELLED_H
#define LKL_TOOL_PRELOAD_NOT_CANCELLED_H

#include <pthread.h>

namespace lkl::preload {

// The thread is not cancelled meanwhile, in a function that is no point of cancellation: what it
// calls may be one.
class NotCancelled {
 public:
  NotCancelled() { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~NotCancelled() { ::pthread_setcancelstate(before_, nullptr); }
  NotCancelled(const NotCancelled&) = delete;
  NotCancelled& operator=(const NotCancelled&) = delete;

 private:
  int before_ = 0;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_NOT_CANCELLED_H
