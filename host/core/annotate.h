// SPDX-License-Identifier: GPL-2.0
// What ThreadSanitizer can't see: that kernel code, which it does not know, is executed by
// one thread at a time, and what it passes on to others. Costs nothing without it.
#pragma once

#if defined(__SANITIZE_THREAD__)
#include <pthread.h>

#include <cstddef>

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace lkl {

#if defined(__SANITIZE_THREAD__)

inline char the_kernel;

// The thread's own stack: looked up there, before the kernel is entered.
struct OwnStack {
  const char* base = nullptr;
  size_t size = 0;

  void look_up() {
    if (base) return;
    pthread_attr_t attributes;
    void* lowest;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &lowest, &size);
    pthread_attr_destroy(&attributes);
    base = static_cast<const char*>(lowest);
  }
  bool has(const void* address) const {
    const auto* const at = static_cast<const char*>(address);
    return at >= base && at < base + size;
  }
};
inline thread_local OwnStack own_stack;

// What was done before is known to whoever is the CPU from now on: an interrupt.
inline void tell_kernel() {
  __tsan_release(&the_kernel);
}
// What whoever was the CPU has done is known here: it has left something for this thread.
inline void hear_from_kernel() {
  __tsan_acquire(&the_kernel);
}

// A host thread may be the CPU, as long as this exists.
class InKernel {
 public:
  InKernel() {
    own_stack.look_up();
    tell_kernel();
  }
  ~InKernel() { hear_from_kernel(); }
  InKernel(const InKernel&) = delete;
  InKernel& operator=(const InKernel&) = delete;
};

// The kernel calls the host, as long as this exists. On a kernel stack that is done by the
// CPU; on the thread's own it may be anybody.
class FromKernel {
 public:
  FromKernel() {
    if (is_cpu_) hear_from_kernel();
  }
  ~FromKernel() {
    if (is_cpu_) tell_kernel();
  }
  FromKernel(const FromKernel&) = delete;
  FromKernel& operator=(const FromKernel&) = delete;

 private:
  const bool is_cpu_ = own_stack.base && !own_stack.has(__builtin_frame_address(0));
};

#else

inline void tell_kernel() {}
inline void hear_from_kernel() {}
class [[maybe_unused]] InKernel {};
class [[maybe_unused]] FromKernel {};

#endif

}  // namespace lkl
