// SPDX-License-Identifier: GPL-2.0
// The application's function for what is printed: lkl_set_print().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>

#include "lkl_host.h"

namespace lkl::host {

class Printer final {
 public:
  // Any thread, also in a signal handler; nothing is allocated, nothing is waited for.
  // False if there is no function.
  bool print(const char* text, size_t length) noexcept;
  // 0, or -LKL_EDEADLK. The function from before is not called any more when it returns.
  int set(lkl_print_function function, void* user) noexcept;
  // In the child of a fork(): other threads that were calling it are no more.
  void after_fork_child() noexcept;

 private:
  // One of the two is in use, the other one is for the next function.
  struct Slot {
    lkl_print_function function = nullptr;
    void* user = nullptr;
    std::atomic<unsigned> callers = 0;
  };

  std::mutex mutex_;  // of set()
  std::array<Slot, 2> slots_;
  std::atomic<Slot*> current_ = &slots_[0];
};

}  // namespace lkl::host
