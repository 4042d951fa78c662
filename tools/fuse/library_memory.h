// SPDX-License-Identifier: GPL-2.0
//
// Memory of the library's kernel: its devices can reach it, so that O_DIRECT works there.
#ifndef LKL_FUSE_LIBRARY_MEMORY_H
#define LKL_FUSE_LIBRARY_MEMORY_H

#include <cstddef>
#include <utility>

namespace lkl::fuse {

// Move-only; given back by the destructor, which must run before the kernel halts.
class LibraryMemory {
 public:
  LibraryMemory() noexcept = default;
  // At least `size` bytes, aligned to pages. Throws std::bad_alloc.
  explicit LibraryMemory(std::size_t size);
  LibraryMemory(LibraryMemory&& other) noexcept { *this = std::move(other); }
  LibraryMemory& operator=(LibraryMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~LibraryMemory();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_LIBRARY_MEMORY_H
