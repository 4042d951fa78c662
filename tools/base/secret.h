// SPDX-License-Identifier: GPL-2.0
//
// Bytes that nobody else should see: wiped when they are not needed any more, and never written to
// swap space or core files if the host allows that.
#ifndef LKL_TOOL_SECRET_H
#define LKL_TOOL_SECRET_H

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/host_calls.h"

namespace lkl::tool {

// A buffer of fixed size. Move-only.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t capacity)
      : bytes_(std::make_unique<char[]>(capacity)), capacity_(capacity) {
    on_host::lock_memory(bytes_.get(), capacity_);
  }
  Secret(Secret&& other) noexcept { *this = std::move(other); }
  Secret& operator=(Secret&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret() {
    if (!bytes_) return;
    on_host::wipe(bytes_.get(), capacity_);
    on_host::unlock_memory(bytes_.get(), capacity_);
  }

  char* data() { return bytes_.get(); }
  std::size_t capacity() const { return capacity_; }
  std::size_t size() const { return size_; }
  void set_size(std::size_t size) { size_ = size; }
  std::string_view text() const { return {bytes_.get(), size_}; }
  // What is not used yet.
  std::span<std::byte> rest() {
    return std::as_writable_bytes(std::span(bytes_.get() + size_, capacity_ - size_));
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_SECRET_H
