// SPDX-License-Identifier: GPL-2.0
#include "io/watch_list.h"

#include <algorithm>
#include <memory>

namespace lkl::host {

void WatchList::add(Watch& watch) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(watches_, &watch) == watches_.end()) watches_.push_back(&watch);
}

void WatchList::cancel(Watch& watch) {
  std::unique_lock lock(mutex_);
  std::erase(watches_, &watch);
  if (runner_ == std::this_thread::get_id()) return;
  handler_returned_.wait(lock, [&] { return running_ != &watch; });
  // it may have asked to be told again
  std::erase(watches_, &watch);
}

bool WatchList::tell(Watch* watch, short events) {
  {
    const std::lock_guard lock(mutex_);
    if (std::erase(watches_, watch) == 0) return false;
    running_ = watch;
    runner_ = std::this_thread::get_id();
  }
  watch->handler->ready(events);
  const std::lock_guard lock(mutex_);
  running_ = nullptr;
  runner_ = {};
  handler_returned_.notify_all();
  return true;
}

bool WatchList::attended() {
  const std::lock_guard lock(mutex_);
  bool given = false, wanted = false;
  for (Watch* const watch : watches_) {
    const auto attention = watch->handler->attention();
    given |= attention == ReadyHandler::Attention::kGiven;
    wanted |= attention == ReadyHandler::Attention::kWanted;
  }
  return given && !wanted;
}

void WatchList::after_fork_child() {
  std::construct_at(&mutex_);
  std::construct_at(&handler_returned_);
}

}  // namespace lkl::host
