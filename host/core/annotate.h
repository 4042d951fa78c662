// SPDX-License-Identifier: GPL-2.0
// What ThreadSanitizer can't see: that kernel code, which it does not know, is executed by
// one thread at a time. Costs nothing without it.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace lkl {

#if defined(__SANITIZE_THREAD__)

inline char the_kernel;

// A host thread calls into the kernel, as long as this exists.
class InKernel {
 public:
  InKernel() { __tsan_release(&the_kernel); }
  ~InKernel() { __tsan_acquire(&the_kernel); }
  InKernel(const InKernel&) = delete;
  InKernel& operator=(const InKernel&) = delete;
};

// The kernel calls the host, as long as this exists.
class FromKernel {
 public:
  FromKernel() { __tsan_acquire(&the_kernel); }
  ~FromKernel() { __tsan_release(&the_kernel); }
  FromKernel(const FromKernel&) = delete;
  FromKernel& operator=(const FromKernel&) = delete;
};

#else

class [[maybe_unused]] InKernel {};
class [[maybe_unused]] FromKernel {};

#endif

}  // namespace lkl
