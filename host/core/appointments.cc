// SPDX-License-Identifier: GPL-2.0
#include "core/appointments.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace lkl::host {
namespace {

constexpr uint64_t kLater = 1'000'000'000;  // when the host has no thread just now

}  // namespace

int Appointments::set(int key, uint64_t at_ns, Work work) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return -ENODEV;
  if (!timer_.is_open()) {
    if (const int error = timer_.open()) return error;
    watch_ = {.fd = timer_.descriptor(), .events = kReadable, .handler = this};
  }
  appointments_[key] = {.at_ns = at_ns, .number = ++numbers_, .work = std::move(work)};
  if (!works_) wait_for_next();
  return 0;
}

// The mutex is held.
void Appointments::wait_for_next() {
  uint64_t first = kNever;
  for (const auto& [key, each] : appointments_) first = std::min(first, each.at_ns);
  timer_.set(first);
  if (first != kNever && !stopped_) loop_.watch(watch_);
}

// On the thread that owns the loop, which must not be held up.
void Appointments::ready(short) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  // who has it may be about to fork, and wait for us: soon again
  if (!lock) return loop_.watch(watch_);
  if (stopped_ || works_) return;
  // the last one has said that it is through: it has a few instructions left
  if (thread_.running()) thread_.join();
  works_ = true;
  if (thread_.start(
          "lkl-later", [](void* self) { static_cast<Appointments*>(self)->run(); }, this) == 0)
    return;
  works_ = false;
  timer_.set(monotonic_ns() + kLater);
  loop_.watch(watch_);
}

void Appointments::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const uint64_t now = monotonic_ns();
    const auto due = std::ranges::find_if(
        appointments_, [now](const auto& each) { return each.second.at_ns <= now; });
    if (due == appointments_.end()) break;
    const int key = due->first;
    const uint64_t number = due->second.number;
    const Work work = due->second.work;
    lock.unlock();
    const uint64_t next = work();
    lock.lock();
    // another one has taken its place meanwhile, perhaps
    const auto done = appointments_.find(key);
    if (done == appointments_.end() || done->second.number != number) continue;
    if (next == kNever)
      appointments_.erase(done);
    else
      done->second.at_ns = next;
  }
  works_ = false;
  if (!stopped_) wait_for_next();
}

void Appointments::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  if (timer_.is_open()) loop_.cancel(watch_);
  if (thread_.running()) thread_.join();
  appointments_.clear();
  timer_.close();
}

// The alarm is one that the parent has as well.
void Appointments::after_fork_child() {
  std::construct_at(&mutex_);
  if (timer_.is_open()) loop_.cancel(watch_);
  timer_.close();
  thread_.fork_forget();
  works_ = false;
  appointments_.clear();
}

}  // namespace lkl::host
