// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_PRELOAD_DEADLINE_H
#define LKL_TOOL_PRELOAD_DEADLINE_H

#include <time.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <optional>

namespace lkl::preload {

// When a wait of a program's is to end.
class Deadline {
 public:
  // -1: never.
  explicit Deadline(int milliseconds) {
    if (milliseconds > 0) at_ = Clock::now() + std::chrono::milliseconds(milliseconds);
    at_once_ = milliseconds == 0;
  }
  // nullptr: never.
  explicit Deadline(const timespec* time) {
    if (time == nullptr) return;
    at_once_ = time->tv_sec == 0 && time->tv_nsec == 0;
    // a century is for ever, and can be counted
    constexpr time_t kMost = 100L * 365 * 24 * 3600;
    if (!at_once_ && time->tv_sec < kMost)
      at_ = Clock::now() + std::chrono::seconds(time->tv_sec) +
            std::chrono::nanoseconds(time->tv_nsec);
  }

  bool is_over() const { return at_once_ || (at_ && Clock::now() >= *at_); }
  int milliseconds_left() const {
    if (at_once_) return 0;
    if (!at_) return -1;
    using std::chrono::milliseconds;
    return static_cast<int>(
        std::clamp<long>(std::chrono::ceil<milliseconds>(*at_ - Clock::now()).count(), 0, INT_MAX));
  }
  // nullopt: for ever.
  std::optional<timespec> left() const {
    if (at_once_) return timespec{};
    if (!at_) return std::nullopt;
    const auto left = std::max<long>(std::chrono::nanoseconds(*at_ - Clock::now()).count(), 0);
    return timespec{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> at_;
  bool at_once_ = false;
};

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_DEADLINE_H
