// SPDX-License-Identifier: GPL-2.0
// What the threads of the tests of the virtual CPU do.
#pragma once

#include <gtest/gtest.h>

#include "cpu_model.h"

namespace cpu_model {

struct Named {
  const char* name;
  Setup setup;
};
inline void PrintTo(const Named& named, std::ostream* out) {
  *out << named.name;
}

inline const Named kSetups[] = {
    {"Answers", {.calls = {{kAnswer, kAnswer}, {kAnswer, kAnswer}}}},
    {"AnswersFromUser", {.calls = {{kAnswer, kAnswer}, {kAnswer}}, .begins_in_user = true}},
    {"Timers", {.calls = {{kTimer}, {kAnswer}}, .steps = 1}},
    {"Busy", {.calls = {{kBusy}, {kTimer}}, .steps = 2}},
    {"Devices", {.calls = {{kDevice}, {kAnswer}}}},
    {"Work", {.calls = {{kLeaveWork}, {kAnswer, kAnswer}}}},
    {"Forks", {.calls = {{kLeaveWork}, {kAnswer}}, .forks = true}},
    {"Halts", {.calls = {{kDevice, kAnswer}, {kHalt}}}},
    {"ForksAndHalts", {.calls = {{kAnswer}, {kHalt}}, .forks = true}},
    {"Spins", {.calls = {{kDevice}, {kAnswer}}, .may_spin = true, .cycles_pass = true}},
    {"Turns",
     {.calls = {{kAnswer}, {kAnswer}}, .begins_in_user = true, .cycles_pass = true, .streak = 8}},
    {"Spurious", {.calls = {{kDevice}, {kAnswer}}, .spurious_wakes = 2}},
    {"TimersOfTheExecutor", {.calls = {{kTimer}, {kAnswer}}, .steps = 1, .executor_minds = true}},
    {"BusyBesideTheExecutor", {.calls = {{kBusy}, {kTimer}}, .steps = 2, .executor_minds = true}},
    {"DevicesOfTheExecutor", {.calls = {{kDevice}, {kAnswer}}, .executor_minds = true}},
    {"WorkOfTheExecutor", {.calls = {{kLeaveWork}, {kDevice}}, .executor_minds = true}},
    {"ForksBesideTheExecutor",
     {.calls = {{kLeaveWork}, {kAnswer}}, .executor_minds = true, .forks = true}},
    {"HaltsBesideTheExecutor", {.calls = {{kDevice, kAnswer}, {kHalt}}, .executor_minds = true}},
    {"Three", {.calls = {{kLeaveWork}, {kDevice}, {kAnswer}}}},
};

inline Setup setup_named(std::string_view name) {
  for (const Named& named : kSetups)
    if (named.name == name) return named.setup;
  return {};
}

// Any thread may be interrupted so many times; -1: any number.
inline void expect_proven(Setup setup, int preemptions) {
  setup.options.preemptions = preemptions;
  setup.options.max_states = 40'000'000;
  const model::Result result = check(setup);
  ::testing::Test::RecordProperty("states", static_cast<int>(result.states));
  EXPECT_TRUE(result.proven()) << result.text();
}

class CpuModel : public ::testing::TestWithParam<Named> {};

}  // namespace cpu_model
