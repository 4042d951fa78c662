// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace lkl::host {

// The kernel's memory as devices may touch it: addresses from a ring are checked
// here and nowhere else. Set once, before the first device is started.
class GuestMemory final {
 public:
  void set_range(uint64_t phys, void* base, uint64_t size) {
    phys_ = phys;
    base_ = static_cast<std::byte*>(base);
    size_ = size;
  }

  std::optional<std::span<std::byte>> translate(uint64_t phys, uint64_t length) const {
    const uint64_t offset = phys - phys_;
    if (!base_ || phys < phys_ || offset > size_ || length > size_ - offset) return std::nullopt;
    return std::span(base_ + offset, length);
  }

 private:
  uint64_t phys_ = 0;
  std::byte* base_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace lkl::host
