// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace lkl::host {

// Memory that O_DIRECT takes.
class AlignedBuffer final {
 public:
  // data() is nullptr if the host has no memory.
  AlignedBuffer(size_t size, size_t alignment) {
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, size) == 0)
      memory_.reset(static_cast<std::byte*>(memory));
  }
  std::byte* data() { return memory_.get(); }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

}  // namespace lkl::host
