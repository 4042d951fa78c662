// SPDX-License-Identifier: GPL-2.0
// How long a thread looks again and again before it goes to sleep.
//
// To be woken on another processor takes 5 microseconds on one machine and 50 or more on another,
// where that processor is a virtual one that has been given back. What a thread at work waits for
// is often the answer of another, and is there sooner than that.
//
// So it looks first, for kLookNs, if its last wait was short. How short a wait would have been
// without the sleep can't be seen from its length, as the waking is part of it: that looking does
// help is only found by looking. Who has looked for nothing waits without it once, then three
// times, up to kMostSkips times, before it tries again.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lkl::host {

class Patience final {
 public:
  static constexpr uint64_t kLookNs = 50'000;
  // Who sleeps longer has nothing to do: waking it is not what takes the time.
  static constexpr uint64_t kShortNs = 1'000'000;
  static constexpr unsigned kMostSkips = 31;

  // Before a wait: for so long it is to look, 0 for not at all.
  uint64_t look_ns() {
    looks_ = waited_ns_ < kShortNs && skips_left_ == 0;
    if (skips_left_ > 0) --skips_left_;
    return looks_ ? kLookNs : 0;
  }
  // After it: how long it was, in all.
  void waited(uint64_t ns) {
    waited_ns_ = ns;
    if (!looks_) return;
    skips_ = ns < kLookNs ? 0 : std::min(2 * skips_ + 1, kMostSkips);
    skips_left_ = skips_;
  }

  uint64_t last_ns() const { return waited_ns_; }

 private:
  uint64_t waited_ns_ = UINT64_MAX;
  unsigned skips_ = 0, skips_left_ = 0;
  bool looks_ = false;
};

}  // namespace lkl::host
