// SPDX-License-Identifier: GPL-2.0
// arch/lkl/kernel/host_side.c as it is, between a host and a kernel that are made for the
// checker. The kernel has the tasks of a few application threads and one of its own; it does
// what task.c, irq.c and cpu.c do with the virtual CPU, and runs requests that answer at
// once, wait for a timer or for a device, keep the CPU busy until the next tick, leave work
// behind, or halt it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checker.h"
extern "C" {
#include <asm/cpu.h>
}
#include "asm/host_ops.h"

namespace cpu_model {

constexpr size_t kMaxThreads = 3;             // application threads
constexpr uint64_t kStep = 2 * LKL_GUARD_NS;  // of the clock
constexpr uint64_t kTick = 4 * kStep;

// Requests. The answer is the argument + 1000, or -ESHUTDOWN.
enum Request { kAnswer, kTimer, kDevice, kBusy, kLeaveWork, kHalt };

// Mistakes to be found: what the code does without one of its parts. Those of host_side.c
// itself are made by losing what it asks for.
struct Mistakes {
  bool park_does_not_look_again = false;
  bool event_set_without_look = false;
  bool no_executor_kick = false;
  bool wake_is_lost_when_awake = false;
  bool no_mind = false;
  bool halt_wakes_nobody = false;
  bool granted_is_lost = false;
  bool no_alarm = false;
};

struct Setup {
  model::Options options = {};
  // The requests of each application thread.
  std::vector<std::vector<Request>> calls;
  int steps = 0;                // how far the clock may go
  bool executor_minds = false;  // it has the event loop when it has nothing to do
  bool forks = false;           // one more thread takes the word for fork()
  bool begins_in_user = false;  // the task of the first thread is current
  bool may_spin = false;
  bool cycles_pass = false;  // else all happens in the same cycle
  unsigned streak = 0;       // what each thread has had before
  int spurious_wakes = 0;    // of each wait, altogether
  Mistakes mistakes = {};
};

model::Result check(const Setup& setup);

}  // namespace cpu_model
