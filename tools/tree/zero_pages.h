// SPDX-License-Identifier: GPL-2.0
//
// Many zeroes that take no memory, as long as they are only read.
#ifndef LKL_TOOL_ZERO_PAGES_H
#define LKL_TOOL_ZERO_PAGES_H

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace lkl::tool {

class ZeroPages {
 public:
  // As much as it can get of that.
  explicit ZeroPages(std::size_t most) : size_(most) {
    constexpr std::size_t kLeast = 4096;
    for (; size_ >= kLeast; size_ /= 2) {
      void* const pages =
          ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (pages == MAP_FAILED) continue;
      data_ = static_cast<const std::byte*>(pages);
      return;
    }
    throw std::bad_alloc();
  }
  ZeroPages(const ZeroPages&) = delete;
  ZeroPages& operator=(const ZeroPages&) = delete;
  ~ZeroPages() { ::munmap(const_cast<std::byte*>(data_), size_); }

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  const std::byte* data_ = nullptr;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_ZERO_PAGES_H
