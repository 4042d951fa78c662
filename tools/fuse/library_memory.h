// SPDX-License-Identifier: GPL-2.0
//
// Memory of the library's kernel: its devices can reach it, so that O_DIRECT works there. The
// program's own stands in for it when the kernel has no piece of that size: a piece is rare once
// all of the memory has been in use. Direct I/O refuses that (EFAULT), everything else takes it.
#ifndef LKL_FUSE_LIBRARY_MEMORY_H
#define LKL_FUSE_LIBRARY_MEMORY_H

#include <cstddef>
#include <memory>
#include <utility>

namespace lkl::fuse {

// Move-only; given back by the destructor, which must run before the kernel halts.
class LibraryMemory {
 public:
  LibraryMemory() noexcept = default;
  // `size` bytes; the library's are aligned to pages. Throws std::bad_alloc if the host has none.
  explicit LibraryMemory(std::size_t size);
  LibraryMemory(LibraryMemory&& other) noexcept { *this = std::move(other); }
  LibraryMemory& operator=(LibraryMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(own_, other.own_);
    return *this;
  }
  ~LibraryMemory();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  // Whether devices can reach it.
  bool is_library() const { return data_ != nullptr && !own_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::unique_ptr<std::byte[]> own_;
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_LIBRARY_MEMORY_H
