// SPDX-License-Identifier: GPL-2.0
// The kernel's clock (arch/lkl/kernel/clock.c) on a host whose clock and cycle counter are played:
// it follows the host's clock whatever becomes of the counter.
#include <gtest/gtest.h>

#include <cstdint>

#include "asm/host_ops.h"

extern "C" {
uint64_t lkl_clock();
extern const lkl_host_calls* lkl_host;
const lkl_host_calls* lkl_host;
uint64_t isa_cycles();
}

namespace {

constexpr uint64_t kMs = 1'000'000;

uint64_t host_ns = 1000 * kMs;
uint64_t cycles = 5'000'000;
double cycles_per_ns = 2.1;

lkl_u64 host_time(void*) {
  return host_ns;
}

void pass(uint64_t ns) {
  host_ns += ns;
  cycles += static_cast<uint64_t>(static_cast<double>(ns) * cycles_per_ns);
}

class ClockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    calls_.time = host_time;
    calls_.cycles_are_stable = 1;
    lkl_host = &calls_;
    // whatever a test before this has left
    for (int i = 0; i < 100; ++i) check(kMs);
  }
  // So much later it is within 1 % of that, and never behind what it has said.
  void check(uint64_t ns) {
    const uint64_t before = lkl_clock();
    pass(ns);
    const uint64_t after = lkl_clock();
    ASSERT_GE(after, before);
    const uint64_t away = after > host_ns ? after - host_ns : host_ns - after;
    ASSERT_LE(away, kMs / 20) << "after " << ns;
  }
  void run(uint64_t step, int times) {
    for (int i = 0; i < times; ++i) ASSERT_NO_FATAL_FAILURE(check(step));
  }

  lkl_host_calls calls_ = {};
};

}  // namespace

uint64_t isa_cycles() {
  return cycles;
}

TEST_F(ClockTest, FollowsTheHost) {
  run(100'000, 20000);
  run(37, 100000);
  run(50 * kMs, 500);
}

TEST_F(ClockTest, SurvivesASuspendInWhichTheCounterRunsOn) {
  for (int i = 0; i < 20; ++i) {
    run(300'000, 50 + i);
    cycles += 3600ull * 2'100'000'000;  // an hour; CLOCK_MONOTONIC stood still
    // what is interpolated just then may be ahead by one question's time: it waits for the host
    for (int k = 0; k < 100; ++k) {
      pass(100'000);
      (void)lkl_clock();
    }
    run(300'000, 50);
  }
}

TEST_F(ClockTest, SurvivesACounterThatBeginsAnew) {
  for (int i = 0; i < 20; ++i) {
    run(300'000, 50 + i);
    cycles = 1000;
    run(300'000, 50);
  }
}

TEST_F(ClockTest, SurvivesAnotherProcessor) {
  for (const double rate : {3.7, 0.9, 2.1}) {
    run(300'000, 100);
    cycles_per_ns = rate;
    cycles = static_cast<uint64_t>(static_cast<double>(cycles) * 1.5);
    for (int k = 0; k < 100; ++k) {
      pass(100'000);
      (void)lkl_clock();
    }
    run(300'000, 100);
  }
}
