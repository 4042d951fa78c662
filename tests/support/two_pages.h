// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <cstdlib>

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace lkl_test {

// A page, and behind it one that nobody may touch.
class TwoPages final {
 public:
  static constexpr size_t kPage = 4096;

#if defined(_WIN32)
  TwoPages()
      : first_(static_cast<char*>(
            VirtualAlloc(nullptr, 2 * kPage, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE))) {
    DWORD before;
    if (!first_ || !VirtualProtect(first_ + kPage, kPage, PAGE_NOACCESS, &before)) std::abort();
  }
  ~TwoPages() {
    VirtualFree(first_, 0, MEM_RELEASE);
  }
#else
  TwoPages()
      : first_(static_cast<char*>(
            mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (first_ == MAP_FAILED || mprotect(first_ + kPage, kPage, PROT_NONE) != 0) std::abort();
  }
  ~TwoPages() {
    munmap(first_, 2 * kPage);
  }
#endif
  TwoPages(const TwoPages&) = delete;
  TwoPages& operator=(const TwoPages&) = delete;

  char* first() const {
    return first_;
  }

 private:
  char* const first_;
};

}  // namespace lkl_test
