// SPDX-License-Identifier: GPL-2.0
// A host thread as a kernel knows it: the seam's record and the host's own part.
#pragma once

#include <atomic>
#include <cstdint>

#include "asm/host_ops.h"
#include "core/patience.h"

namespace lkl::host {

struct IoOperation;

struct ThreadRecord final : lkl_host_thread {
  // ---- sleeping: the waker sets the word first and looks for a sleeper second, the sleeper
  // announces itself first and looks at the word second: one of them sees the other ----
  enum Where { kAwake, kOnWord, kInLoop };
  std::atomic<int> woken = 0;
  std::atomic<int> where = kAwake;

  Patience patience;  // in the loop

  // I/O of the call that this thread makes, for itself to do (kept_io).
  IoOperation* kept = nullptr;

  // ---- the registry's ----
  std::atomic<uint64_t> kernel = 0;  // number of the kernel it was last used with
  std::atomic<bool> in_use = false;  // by a thread
  ThreadRecord* next_record = nullptr;

  bool request_done() { return (std::atomic_ref(state).load() & LKL_REQ_PHASE) == LKL_REQ_DONE; }

  // What the kernel knows, and the handshake, as for a thread that has never called.
  void reset();
};

static_assert(offsetof(lkl_host_thread, host_sp) == 0);

// A host call's idea of a record.
inline ThreadRecord& record_of(lkl_host_thread* thread) {
  return *static_cast<ThreadRecord*>(thread);
}

}  // namespace lkl::host
