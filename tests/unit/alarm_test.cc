// SPDX-License-Identifier: GPL-2.0
// The alarm of the loop's owner (host.h): who sleeps by it is woken when it is due, and not before.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "host.h"

namespace {

using lkl::host::Alarm;
using lkl::host::monotonic_ns;
using lkl::host::sleep_ns;

constexpr uint64_t kMs = 1'000'000, kHour = 3'600'000 * kMs;

class AlarmTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(alarm_.open(), 0); }
  // In another thread, until wait().
  void sleep() {
    sleeper_ = std::thread([this] {
      alarm_.sleep();
      awake_ = monotonic_ns();
    });
    sleep_ns(20 * kMs);  // it is asleep, as good as always
  }
  uint64_t wait() {
    sleeper_.join();
    return awake_;
  }

  Alarm alarm_;
  std::thread sleeper_;
  std::atomic<uint64_t> awake_ = 0;
};

TEST_F(AlarmTest, RungBeforeAnybodySleeps) {
  alarm_.ring();
  alarm_.sleep();
}

TEST_F(AlarmTest, RungWhileSomebodySleeps) {
  sleep();
  EXPECT_EQ(awake_, 0U);
  alarm_.ring();
  wait();
}

TEST_F(AlarmTest, ARingWakesOnce) {
  alarm_.ring();
  alarm_.sleep();
  sleep();
  EXPECT_EQ(awake_, 0U);
  alarm_.ring();
  wait();
}

TEST_F(AlarmTest, SetWhileSomebodySleeps) {
  sleep();
  const uint64_t when = monotonic_ns() + 20 * kMs;
  alarm_.set(when);
  EXPECT_GE(wait(), when);
}

TEST_F(AlarmTest, SetEarlier) {
  alarm_.set(monotonic_ns() + kHour);
  sleep();
  const uint64_t when = monotonic_ns() + 20 * kMs;
  alarm_.set(when);
  EXPECT_GE(wait(), when);
}

TEST_F(AlarmTest, SetLater) {
  const uint64_t when = monotonic_ns() + 200 * kMs;
  alarm_.set(monotonic_ns() + 50 * kMs);
  sleep();
  alarm_.set(when);
  EXPECT_GE(wait(), when);
}

TEST_F(AlarmTest, TakenBack) {
  alarm_.set(monotonic_ns() + 50 * kMs);
  sleep();
  alarm_.set(UINT64_MAX);
  sleep_ns(100 * kMs);
  // unless all of this thread was held up until the alarm had gone off
  const uint64_t rung = monotonic_ns();
  alarm_.ring();
  EXPECT_GE(wait(), rung);
}

// Many of each, at once: whatever meets whatever, the last ring is heard.
TEST_F(AlarmTest, SetAndTakenBackByTwo) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<bool> heard = false, rung = false;
    std::thread sleeper([&] {
      while (!rung) alarm_.sleep();
      heard = true;
    });
    std::thread setter([&] {
      for (int i = 0; i < 100; ++i) alarm_.set(i % 2 ? UINT64_MAX : monotonic_ns() + kMs / 2);
    });
    for (int i = 0; i < 100; ++i) alarm_.set(i % 2 ? UINT64_MAX : monotonic_ns() + kMs / 4);
    setter.join();
    rung = true;
    alarm_.ring();
    sleeper.join();
    ASSERT_TRUE(heard);
  }
}

}  // namespace
