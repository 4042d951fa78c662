// SPDX-License-Identifier: GPL-2.0
// A system call of the calling thread: from the arguments to the result.
#pragma once

#include <atomic>
#include <cstdint>

#include "annotate.h"
#include "core/record.h"
#include "core/registry.h"
#include "host.h"

namespace lkl::host {

inline void enter_kernel(ThreadRecord& record) {
  [[maybe_unused]] const InKernel scope;
  lkl_kernel_syscall(&record);
}

// After a call: runs the handlers that the kernel has for the thread, and the call once more
// if it is to be; the result.
int64_t finish_with_handlers(ThreadRecord& record);

// The record must be the calling thread's own, and not inside a call. It is claimed before
// anything is written to it: a signal handler that makes calls between two instructions here
// is either through before, or refused.
inline int64_t call_with(ThreadRecord& record, int64_t nr, uint64_t a, uint64_t b, uint64_t c,
                         uint64_t d, uint64_t e, uint64_t f) {
  std::atomic_ref(record.inside).store(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  record.nr = nr;
  record.args[0] = a;
  record.args[1] = b;
  record.args[2] = c;
  record.args[3] = d;
  record.args[4] = e;
  record.args[5] = f;
  enter_kernel(record);
  int64_t result = record.ret;
  if (record.sig_handler) [[unlikely]]
    result = finish_with_handlers(record);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // lkl_cleanup() waits for it
  std::atomic_ref(record.inside).store(0, std::memory_order_release);
  return result;
}

// The record of the calling thread for this kernel, made at its first call; nullptr, and
// why, if it can't have one: -LKL_EDEADLK in a signal handler inside a call of the same
// thread, -LKL_ENODEV if that kernel takes no calls (any more), -LKL_ENOMEM.
ThreadRecord* ready_record(uint64_t kernel, int& error);

// A call to this kernel, also one that only the library may make.
inline int64_t call_kernel(uint64_t kernel, int64_t nr, uint64_t a = 0, uint64_t b = 0,
                           uint64_t c = 0, uint64_t d = 0, uint64_t e = 0, uint64_t f = 0) {
  int error = 0;
  ThreadRecord* const record = ready_record(kernel, error);
  return record ? call_with(*record, nr, a, b, c, d, e, f) : error;
}

// The record of the calling thread, whether or not that kernel takes calls; nullptr if the
// host has no memory. Not inside a call.
ThreadRecord* attach(uint64_t kernel);

// A fault of application code in a mapping of the kernel's, in the handler of its signal: 0 if
// the access is to be tried again, else the signal that it gets (LKL_FAULT_*).
int serve_fault(uint64_t address, bool write);

// A host thread ends.
void thread_exits(ThreadRecord* record);

}  // namespace lkl::host
