// SPDX-License-Identifier: GPL-2.0
// What ThreadSanitizer can't see: that kernel code, which it does not know, is executed by
// one thread at a time, and what it and the host's kernel pass on to others. Costs nothing without
// it.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_THREAD__)
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace lkl::host {

#if defined(__SANITIZE_THREAD__)

inline char the_kernel;

// Where kernel stacks are: among what the kernel has for memory. Told at the boot.
struct KernelMemory {
  struct Range {
    const char* base;
    size_t size;
  };
  std::array<Range, 8> ranges = {};
  std::atomic<size_t> count = 0;

  bool has(const void* address) const {
    const auto* const at = static_cast<const char*>(address);
    return std::any_of(ranges.begin(), ranges.begin() + count.load(), [at](const Range& range) {
      return at >= range.base && at < range.base + range.size;
    });
  }
};
inline KernelMemory kernel_memory;
inline void kernel_begins() {
  kernel_memory.count = 0;
}
inline void kernel_has_memory(const void* base, size_t size) {
  const size_t number = kernel_memory.count;
  if (number == kernel_memory.ranges.size()) std::abort();
  kernel_memory.ranges[number] = {static_cast<const char*>(base), size};
  kernel_memory.count = number + 1;
}

// What this thread has done before is known to whoever hears of the same thing afterwards.
inline void tell(void* by) {
  __tsan_release(by);
}
inline void hear(void* by) {
  __tsan_acquire(by);
}

// To whoever is the CPU from now on: an interrupt.
inline void tell_kernel() {
  tell(&the_kernel);
}
// From whoever was the CPU: it has left something for this thread.
inline void hear_from_kernel() {
  hear(&the_kernel);
}

// A host thread may be the CPU, as long as this exists.
class InKernel {
 public:
  InKernel() { tell_kernel(); }
  ~InKernel() { hear_from_kernel(); }
  InKernel(const InKernel&) = delete;
  InKernel& operator=(const InKernel&) = delete;
};

// The kernel calls the host, as long as this exists. On a kernel stack that is done by the
// CPU; on the thread's own it may be anybody.
class FromKernel {
 public:
  // (Of the stack nothing may be looked at before it is known whose it was.)
  __attribute__((no_sanitize("thread"))) FromKernel() {
    if (is_cpu_) hear_from_kernel();
  }
  __attribute__((no_sanitize("thread"))) ~FromKernel() {
    if (is_cpu_) tell_kernel();
  }
  FromKernel(const FromKernel&) = delete;
  FromKernel& operator=(const FromKernel&) = delete;

 private:
  const bool is_cpu_ = kernel_memory.has(__builtin_frame_address(0));
};

#else

inline void kernel_begins() {}
inline void kernel_has_memory(const void*, size_t) {}
inline void tell(void*) {}
inline void hear(void*) {}
inline void tell_kernel() {}
inline void hear_from_kernel() {}
class [[maybe_unused]] InKernel {};
class [[maybe_unused]] FromKernel {};

#endif

}  // namespace lkl::host
