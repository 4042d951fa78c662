// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <type_traits>

namespace lkl::host {

// A stack for functions of somebody else that want more of it than the thread may have, a kernel
// stack above all. One thread at a time, which comes back by returning.
class SideStack final {
 public:
  explicit SideStack(size_t size) : size_(size) {}
  ~SideStack();
  SideStack(const SideStack&) = delete;
  SideStack& operator=(const SideStack&) = delete;

  // 0 or -errno; the second time it does nothing.
  int open();

  template <class Function>
  void run(Function&& function) {
    using Plain = std::remove_reference_t<Function>;
    call([](void* it) { (*static_cast<Plain*>(it))(); }, &function);
  }

 private:
  void call(void (*function)(void*), void* argument);

  const size_t size_;  // of which the first page is a guard
  std::byte* base_ = nullptr;
};

}  // namespace lkl::host
