// SPDX-License-Identifier: GPL-2.0
// Sleeping and waking by address: WaitOnAddress(), but finer.
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

#include "host.h"
#include "win32/ntdll.h"
#include "win32/windows_error.h"

namespace lkl::host {

void wait_on(std::atomic<int>& word, int value, uint64_t deadline_ns) {
  if (deadline_ns == UINT64_MAX) {
    RtlWaitOnAddress(&word, &value, sizeof value, nullptr);
    return;
  }
  const uint64_t now = monotonic_ns();
  if (now >= deadline_ns) return;
  const LARGE_INTEGER left = time_from_now(deadline_ns - now);
  RtlWaitOnAddress(&word, &value, sizeof value, &left);
}

void wake_one(std::atomic<int>& word) {
  RtlWakeAddressSingle(&word);
}

// ---- alarm ----
// No timer of the system's: wine's server would have to be asked for each set(), and where all
// processors are busy it is a while before it answers. The sleeper is woken for a time that is
// before the one it sleeps until; that it is a later one it finds out by itself.

namespace {

struct AlarmClock {
  std::atomic<uint64_t> when = UINT64_MAX;
  std::atomic<uint64_t> sleeps_until = 0;  // 0: nobody sleeps
  std::atomic<int> changes = 0;
};

AlarmClock* clock_of(int64_t handle) {
  return reinterpret_cast<AlarmClock*>(handle);
}

}  // namespace

Alarm::~Alarm() {
  if (handle_ != -1) std::default_delete<AlarmClock>()(clock_of(handle_));
}

int Alarm::open() {
  if (handle_ != -1) std::default_delete<AlarmClock>()(clock_of(std::exchange(handle_, -1)));
  std::unique_ptr<AlarmClock> clock(new (std::nothrow) AlarmClock);
  if (!clock) return -ENOMEM;
  handle_ = reinterpret_cast<int64_t>(clock.release());
  return 0;
}

void Alarm::set(uint64_t when_ns) {
  AlarmClock& clock = *clock_of(handle_);
  // said first, then looked: sleep() looks the other way round
  clock.when.store(when_ns);
  if (when_ns >= clock.sleeps_until.load()) return;
  clock.changes.fetch_add(1);
  wake_one(clock.changes);
}

void Alarm::sleep() {
  AlarmClock& clock = *clock_of(handle_);
  uint64_t when;
  for (;;) {
    const int changes = clock.changes.load();
    when = clock.when.load();
    if (when != UINT64_MAX && when <= monotonic_ns()) break;
    clock.sleeps_until.store(when);
    if (clock.when.load() == when) wait_on(clock.changes, changes, when);
    clock.sleeps_until.store(0);
  }
  // unless it is set again by now
  clock.when.compare_exchange_strong(when, UINT64_MAX);
}

}  // namespace lkl::host
