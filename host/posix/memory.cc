// SPDX-License-Identifier: GPL-2.0
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "host.h"
#include "posix/valgrind.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(base, size) ((void)(base), (void)(size))
#endif

namespace lkl::host {
namespace {

constexpr size_t kPage = 4096;
constexpr uintptr_t kHugePage = uintptr_t{2} << 20;

std::byte* guard_page(void* stack) {
  return static_cast<std::byte*>(stack) + kPage;
}

constexpr uintptr_t kRoomForStacks = uintptr_t{16} << 30, kRoomForKernels = uintptr_t{128} << 30;

// Where the host is asked for memory. Kernel stacks are to be below those of threads that are still
// to come, which the host puts below all that is there: a caller's frame at a lower address is a
// damaged stack to gdb, and its backtraces would end where the kernel was entered. What is taken
// already the host does not give: one place is as good as another then.
void* below_stacks_to_come(size_t size) {
  static constinit std::atomic<uintptr_t> used = 0;  // of the room for kernels, from its top
  const auto here = reinterpret_cast<uintptr_t>(&below_stacks_to_come) & ~(kPage - 1);
  const uintptr_t pages = (size + kPage - 1) & ~(kPage - 1);
  if (here < kRoomForStacks + 2 * kRoomForKernels || pages > kRoomForKernels) return nullptr;
  uintptr_t before = used.load(), after;
  do {
    after = before + pages <= kRoomForKernels ? before + pages : pages;
  } while (!used.compare_exchange_weak(before, after));
  return reinterpret_cast<void*>(here - kRoomForStacks - after);
}

}  // namespace

void* reserve_memory(size_t size, size_t align) {
  const size_t span = size + align;
  void* mapping = mmap(below_stacks_to_come(span), span, PROT_READ | PROT_WRITE,
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
  valgrind::forget_stacks(base, size);
  munmap(base, size);
}

void populate_memory(void* base, size_t size) {
  // Linux 5.14; an older one has page faults
  (void)madvise(base, size, MADV_POPULATE_WRITE);
}

void prefer_huge_pages(void* base, size_t size) {
  const auto start = reinterpret_cast<uintptr_t>(base);
  const uintptr_t first = (start + kHugePage - 1) & ~(kHugePage - 1);
  const uintptr_t end = (start + size) & ~(kHugePage - 1);
  if (first < end) (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

void discard_memory(void* base, size_t size) {
  madvise(base, size, MADV_DONTNEED);
}

// Both can fail only for want of kernel memory or map entries; a stack without a
// guard is still a stack. An overflow writes; kmemleak reads stacks as a whole.
void stack_on(void* base, size_t size) {
  valgrind::is_stack(base, size);
  (void)mprotect(guard_page(base), kPage, PROT_READ);
}

void stack_off(void* base, size_t) {
  (void)mprotect(guard_page(base), kPage, PROT_READ | PROT_WRITE);
}

void memory_has_no_content(void* base, size_t size) {
  valgrind::has_no_content(base, size);
}

size_t read_memory(uint64_t address, char* to, size_t size) {
  // page by page: what is before the bad page counts
  size_t done = 0;
  while (done < size) {
    const size_t step = std::min<size_t>(size - done, 4096 - (address + done) % 4096);
    const iovec local = {to + done, step};
    const iovec remote = {reinterpret_cast<void*>(address + done), step};
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != static_cast<ssize_t>(step)) break;
    done += step;
  }
  return done;
}

}  // namespace lkl::host
