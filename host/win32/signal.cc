// SPDX-License-Identifier: GPL-2.0
#include "win32/signal.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "host.h"

namespace lkl::host {
namespace {

// The C library's descriptors are below.
constexpr int kFirst = 1 << 16;

struct All {
  std::mutex mutex;  // guards what follows
  std::vector<Signal*> signals;
  std::vector<SignalWatcher*> watchers;
};

// Never destroyed: the end of the process takes threads wherever they are.
All& all() {
  static All& made = *std::make_unique<All>().release();
  return made;
}

// There is one watcher in most programs: the event loop.
void tell_watchers() {
  const std::lock_guard lock(all().mutex);
  for (SignalWatcher* const watcher : all().watchers) watcher->signalled();
}

int take_number(Signal* signal) {
  const std::lock_guard lock(all().mutex);
  auto& signals = all().signals;
  auto place = std::ranges::find(signals, nullptr);
  if (place == signals.end()) place = signals.insert(place, nullptr);
  *place = signal;
  return kFirst + static_cast<int>(place - signals.begin());
}

}  // namespace

Signal::Signal() : number_(take_number(this)) {}

Signal::~Signal() {
  const std::lock_guard lock(all().mutex);
  all().signals[static_cast<size_t>(number_ - kFirst)] = nullptr;
}

Signal* Signal::of(int number) {
  if (number < kFirst) return nullptr;
  const std::lock_guard lock(all().mutex);
  const auto place = static_cast<size_t>(number - kFirst);
  return place < all().signals.size() ? all().signals[place] : nullptr;
}

Descriptor Signal::make() {
  return Descriptor(std::make_unique<Signal>().release()->number());
}

void Signal::set(bool ready) {
  if (set_.exchange(ready) != ready && ready) tell_watchers();
}

void Signal::set_alarm(uint64_t at_ns) {
  if (at_ns < alarm_.exchange(at_ns)) tell_watchers();
}

void Signal::follow(int first, int second) {
  first_ = of(first);
  second_ = of(second);
}

void Signal::follow_second(bool wanted) {
  if (second_wanted_.exchange(wanted) != wanted && wanted) tell_watchers();
}

bool Signal::ready(uint64_t now_ns) const {
  return set_.load() || alarm_.load() <= now_ns || (first_ && first_->ready(now_ns)) ||
         (second_ && second_wanted_.load() && second_->ready(now_ns));
}

uint64_t Signal::alarm() const {
  uint64_t earliest = alarm_.load();
  if (first_) earliest = std::min(earliest, first_->alarm());
  if (second_ && second_wanted_.load()) earliest = std::min(earliest, second_->alarm());
  return earliest;
}

void add_watcher(SignalWatcher& watcher) {
  const std::lock_guard lock(all().mutex);
  all().watchers.push_back(&watcher);
}

void remove_watcher(SignalWatcher& watcher) {
  const std::lock_guard lock(all().mutex);
  std::erase(all().watchers, &watcher);
}

}  // namespace lkl::host
