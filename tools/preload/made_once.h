// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_PRELOAD_MADE_ONCE_H
#define LKL_TOOL_PRELOAD_MADE_ONCE_H

#include <atomic>
#include <mutex>

namespace lkl::preload {

// Made by whoever needs it first, and never taken down: threads go on until the process ends. A
// child of fork() may begin anew, when it has set it to nullptr.
template <class One>
One& made_once(std::atomic<One*>& where) {
  static std::mutex first;
  if (One* const one = where.load(std::memory_order_acquire)) return *one;
  const std::lock_guard lock(first);
  One* one = where.load(std::memory_order_acquire);
  if (one == nullptr) where.store(one = new One, std::memory_order_release);
  return *one;
}

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_MADE_ONCE_H
