// SPDX-License-Identifier: GPL-2.0
// The protocol of the virtual CPU, arch/lkl/kernel/host_side.c: no request, no wake-up and no
// interrupt is lost, one host thread is the CPU at a time, a finished one serves others only
// so long, timers have somebody who minds them, fork gets the CPU, a halt ends every call.
#include "cpu_model_setups.h"

using namespace cpu_model;

INSTANTIATE_TEST_SUITE_P(Of, CpuModel, ::testing::ValuesIn(kSetups),
                         [](const auto& info) { return info.param.name; });

TEST_P(CpuModel, HoldsWithOneInterruption) {
  expect_proven(GetParam().setup, 1);
}

TEST(CpuModelOfOne, HoldsInAllOrders) {
  expect_proven({.calls = {{kAnswer, kAnswer}}}, -1);
  expect_proven({.calls = {{kDevice, kAnswer}}}, -1);
}

// What each part of the seam and of the kernel's side is good for.
TEST(CpuModelMistakes, AreFound) {
  const struct {
    const char* setup;
    Mistakes mistakes;
    const char* name;
    int preemptions = 2;
  } kMistakes[] = {
      {"Answers", {.park_does_not_look_again = true}, "park() does not look again"},
      {"Answers", {.wake_is_lost_when_awake = true}, "a thread is not woken"},
      {"Work", {.no_executor_kick = true}, "the executor is not kicked"},
      {"Timers", {.no_mind = true}, "the minder is not told of the next event"},
      {"BusyBesideTheExecutor", {.no_alarm = true}, "the executor leaves the loop to nobody", 1},
      {"Busy", {.event_set_without_look = true}, "a busy CPU tells nobody of the next event"},
      {"Forks", {.granted_is_lost = true}, "who is to fork is not told"},
      {"Halts", {.halt_wakes_nobody = true}, "a halt wakes nobody"},
  };
  for (const auto& mistake : kMistakes) {
    cpu_model::Setup setup = setup_named(mistake.setup);
    setup.options.preemptions = mistake.preemptions;
    setup.mistakes = mistake.mistakes;
    const model::Result result = check(setup);
    EXPECT_FALSE(result.failure.empty()) << mistake.name << "\n" << result.text();
  }
}
