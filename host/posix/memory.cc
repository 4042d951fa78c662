// SPDX-License-Identifier: GPL-2.0
#include <sys/mman.h>

#include <cstdint>

#include "host.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define RUNNING_ON_VALGRIND 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(base, size) ((void)(base), (void)(size))
#endif

namespace lkl::host {
namespace {

constexpr size_t kPage = 4096;

std::byte* guard_page(void* stack) {
  return static_cast<std::byte*>(stack) + kPage;
}

// valgrind's name of the stack is kept where no kernel stack ever looks: in the
// guard page itself, while it is open.
unsigned* valgrind_id(void* stack) {
  return reinterpret_cast<unsigned*>(guard_page(stack));
}

}  // namespace

void* reserve_memory(size_t size, size_t align) {
  const size_t span = size + align;
  void* mapping = mmap(nullptr, span, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<uintptr_t>(mapping);
  const uintptr_t base = (start + align - 1) & ~(uintptr_t{align} - 1);
  if (base > start) munmap(mapping, base - start);
  const uintptr_t end = start + span;
  if (end > base + size) munmap(reinterpret_cast<void*>(base + size), end - (base + size));
  return reinterpret_cast<void*>(base);
}

bool map_fixed(uint64_t base, uint64_t size) {
  void* const wanted = reinterpret_cast<void*>(base);
  void* const mapping =
      mmap(wanted, size, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapping == MAP_FAILED) return false;
  if (mapping != wanted) {
    // a host that does not know MAP_FIXED_NOREPLACE
    munmap(mapping, size);
    return false;
  }
  (void)madvise(mapping, size, MADV_DONTDUMP);
  return true;
}

void release_memory(void* base, size_t size) {
  // Frames of host functions that a halted kernel never returned to
  ASAN_UNPOISON_MEMORY_REGION(base, size);
  munmap(base, size);
}

void discard_memory(void* base, size_t size) {
  madvise(base, size, MADV_DONTNEED);
}

// Both can fail only for want of kernel memory or map entries; a stack without a
// guard is still a stack. An overflow writes; kmemleak reads stacks as a whole.
void stack_on(void* base, size_t size) {
  if (RUNNING_ON_VALGRIND)
    *valgrind_id(base) = VALGRIND_STACK_REGISTER(base, static_cast<std::byte*>(base) + size);
  (void)mprotect(guard_page(base), kPage, PROT_READ);
}

void stack_off(void* base, size_t size) {
  (void)mprotect(guard_page(base), kPage, PROT_READ | PROT_WRITE);
  if (RUNNING_ON_VALGRIND) VALGRIND_STACK_DEREGISTER(*valgrind_id(base));
  (void)size;
}

}  // namespace lkl::host
