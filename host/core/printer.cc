// SPDX-License-Identifier: GPL-2.0
#include "core/printer.h"

#include <memory>

#include "core/application.h"
#include "core/registry.h"
#include "host.h"
#include "lkl.h"

namespace lkl::host {

bool Printer::print(const char* text, size_t length) noexcept {
  Slot* slot = current_.load();
  for (;;) {
    // said first, then looked: set() looks the other way round
    slot->callers.fetch_add(1);
    Slot* const now = current_.load();
    if (now == slot) break;
    slot->callers.fetch_sub(1);
    slot = now;
  }
  const bool there = slot->function != nullptr;
  if (there) {
    ++host::current_thread().printing;
    if (!call_application("the print function", [&] { slot->function(slot->user, text, length); }))
      host::print(text, length);
    --host::current_thread().printing;
  }
  slot->callers.fetch_sub(1);
  return there;
}

int Printer::set(lkl_print_function function, void* user) noexcept {
  if (host::current_thread().printing > 0) return -LKL_EDEADLK;
  const std::lock_guard lock(mutex_);
  Slot* const before = current_.load();
  Slot* const next = before == &slots_[0] ? &slots_[1] : &slots_[0];
  constexpr uint64_t kPauseNs = 100'000;
  // Who has counted there looks whether it is the current one, and goes away again.
  while (next->callers.load() > 0) host::sleep_ns(kPauseNs);
  next->function = function;
  next->user = user;
  current_.store(next);
  while (before->callers.load() > 0) host::sleep_ns(kPauseNs);
  return 0;
}

void Printer::after_fork_child() noexcept {
  std::construct_at(&mutex_);
  for (Slot& slot : slots_) slot.callers.store(0);
  // the thread that has forked may have done so inside the function
  current_.load()->callers.store(host::current_thread().printing);
}

}  // namespace lkl::host

int lkl_set_print(lkl_print_function print, void* user) {
  return lkl::host::Registry::get().printer.set(print, user);
}
