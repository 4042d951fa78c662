// SPDX-License-Identifier: GPL-2.0
#include "library_memory.h"

#include <lkl.h>
#include <lkl/asm/mman.h>

namespace lkl::fuse {

LibraryMemory::LibraryMemory(std::size_t size) {
  void* const memory = lkl_sys_mmap(nullptr, size, LKL_PROT_READ | LKL_PROT_WRITE,
                                    LKL_MAP_PRIVATE | LKL_MAP_ANONYMOUS, -1, 0);
  // an error is a negative number
  if (reinterpret_cast<lkl_long>(memory) < 0 && reinterpret_cast<lkl_long>(memory) > -4096) {
    own_ = std::make_unique<std::byte[]>(size);
    data_ = own_.get();
  } else {
    data_ = static_cast<std::byte*>(memory);
  }
  size_ = size;
}

LibraryMemory::~LibraryMemory() {
  if (is_library()) lkl_sys_munmap(reinterpret_cast<lkl_ulong>(data_), size_);
}

}  // namespace lkl::fuse
