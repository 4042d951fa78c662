// SPDX-License-Identifier: GPL-2.0
//
// What the C library calls by itself cannot be stood in front of: the sockets of getaddrinfo() and
// its kind. While a thread is in one of these the host's kernel hands us its system calls (syscall
// user dispatch, prctl(2)).
#ifndef LKL_TOOL_PRELOAD_LOOKUPS_H
#define LKL_TOOL_PRELOAD_LOOKUPS_H

namespace lkl::preload {

// Nothing is handed to us meanwhile. For handlers of signals, which may come in the middle.
class NotDispatched {
 public:
  NotDispatched();
  ~NotDispatched();
  NotDispatched(const NotDispatched&) = delete;
  NotDispatched& operator=(const NotDispatched&) = delete;

 private:
  char before_;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_LOOKUPS_H
