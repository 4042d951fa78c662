// SPDX-License-Identifier: GPL-2.0
// libslirp, which is one for the process: it keeps the time and the host's name servers in
// variables of its own, whatever the number of its networks.
#pragma once

#include <signal.h>
#include <slirp/libslirp.h>

#include <mutex>

#include "host.h"
#include "library_calls.h"
#include "posix/side_stack.h"

namespace lkl::host {

#define LKL_SLIRP_CALLS(call)                                                           \
  call(slirp_new) call(slirp_cleanup) call(slirp_pollfds_fill) call(slirp_pollfds_poll) \
      call(slirp_input) call(slirp_handle_timer) call(slirp_add_hostxfwd)               \
          call(slirp_remove_hostxfwd) call(slirp_add_exec) call(slirp_add_unix)

LKL_LIBRARY_CALLS(SlirpCalls, "libslirp.so.0", LKL_SLIRP_CALLS)

// The calling thread has the library to itself, as long as this exists, and what the library does
// is nothing to the thread: neither errno nor its cancellation, nor SIGPIPE for connections that a
// peer has reset.
class SlirpUse final {
 public:
  SlirpUse();
  ~SlirpUse();
  SlirpUse(const SlirpUse&) = delete;
  SlirpUse& operator=(const SlirpUse&) = delete;

  // Whether it is there at all. Before anything else is called.
  static bool can_be_loaded() { return SlirpCalls::get() != nullptr; }
  // 0 or -errno; the same.
  int prepare() const;

  // Calls of the library are made in there: it wants more than 64 KiB of stack.
  template <class Function>
  void run(Function&& function) const {
    stack().run(function);
  }

  // In the child of fork(): another thread may have had it that is no more.
  static void after_fork_child();

 private:
  static std::mutex& mutex();
  static SideStack& stack();

  const std::lock_guard<std::mutex> lock_;
  const Unnoticed unnoticed_;
  uint64_t signals_before_ = 0;
  bool pending_before_ = false;
};

inline const SlirpCalls& slirp_calls() {
  return *SlirpCalls::get();
}

}  // namespace lkl::host
