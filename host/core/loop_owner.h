// SPDX-License-Identifier: GPL-2.0
// Who has the event loop, and how the minder sleeps while it is another.
//
//            owner: nobody ---take()---> an application thread, the executor, or the minder
//                   ^                                  |
//                   +-------------leave()--------------+
//
// The minder, when it is not the owner:
//
//     guard  it looks again in LKL_GUARD_NS, and takes the loop if nobody has it
//            (Or leaves it to others for as long again, if they come and go: had_turns().)
//     deep   another one has had the loop for all of a guard time, without a break: when that one
//            leaves it sets the minder's alarm a guard time ahead, and whoever takes the loop for
//            long takes the alarm back. So a thread that is away for a moment from time to time,
//            for a tick of the clock say, wakes nobody.
//
// tests/model/loop_owner_test.cc plays it through.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "host.h"

namespace lkl::host {

class LoopOwner final {
 public:
  // 0 or -errno. Also in the child of a fork, where nobody has anything.
  int open() {
    owner_.store(nullptr);
    wanted_.store(0);
    state_.store(kAwake);
    return alarm_.open();
  }

  // ---- whoever waits ----

  bool take(const void* who) {
    const void* nobody = nullptr;
    return owner_.compare_exchange_strong(nobody, who);
  }
  // By the owner: whether it expects to be it for more than a guard time.
  void stays(bool for_long) {
    turns_.store(turns_.load() + 1);
    if (for_long && state_.load() == kDeep) set_alarm(UINT64_MAX);
  }
  // Until when the minder looks by itself when the owner has left; 0: it is about to.
  uint64_t next_look() {
    switch (state_.load()) {
      case kGuard:
        return guard_until_.load();
      case kDeep:
        return host::monotonic_ns() + LKL_GUARD_NS;
      default:
        return 0;
    }
  }
  void leave() {
    owner_.store(nullptr);
    owner_.notify_all();
    // left first, then looked: the minder looks the other way round
    if (state_.load() == kDeep) set_alarm(host::monotonic_ns() + LKL_GUARD_NS);
  }

  // ---- anybody ----

  const void* owner() { return owner_.load(); }
  void wait_until_nobody() {
    while (const void* const owner = owner_.load()) owner_.wait(owner);
  }
  // The minder is to do something. True if it may sleep in the loop, which is to be kicked.
  bool want(const void* minder) {
    wanted_.store(1);
    switch (state_.load()) {
      case kGuard:
        host::wake_one(wanted_);
        break;
      case kDeep:
        alarm_.ring();
        break;
      default:
        break;
    }
    return owner_.load() == minder;
  }

  // ---- the minder ----

  void begin() { wanted_.store(0); }
  // Others have been the owner since this was asked before.
  bool had_turns() {
    const uint64_t turns = turns_.load();
    return std::exchange(turns_before_, turns) != turns;
  }
  bool wanted() { return wanted_.load() != 0; }
  // Sleeps off the loop, guard or deep.
  void guard() {
    if (!guard_until(UINT64_MAX)) return;
    state_.store(kDeep);
    // said first, then looked
    if (owner_.load() && !wanted()) alarm_.sleep();
    state_.store(kAwake);
  }
  // Not deep, and not longer than this. Whether another one has had the loop without a break.
  bool guard_until(uint64_t until) {
    const uint64_t turns = turns_.load();
    guard_until_.store(std::min<uint64_t>(until, host::monotonic_ns() + LKL_GUARD_NS));
    state_.store(kGuard);
    if (!wanted()) host::wait_on(wanted_, 0, guard_until_.load());
    state_.store(kAwake);
    return !wanted() && owner_.load() && turns_.load() == turns;
  }

 private:
  static constexpr int kAwake = 0, kGuard = 1, kDeep = 2;

  void set_alarm(uint64_t when) {
    alarm_.set(when);
    // it may have been rung just before
    if (wanted()) alarm_.ring();
  }

  std::atomic<const void*> owner_ = nullptr;
  std::atomic<uint64_t> turns_ = 0;  // of others than the minder as owners; the owner's
  uint64_t turns_before_ = 0;        // had_turns()'s
  std::atomic<int> wanted_ = 0;
  std::atomic<int> state_ = kAwake;
  std::atomic<uint64_t> guard_until_ = 0;
  Alarm alarm_;
};

}  // namespace lkl::host
