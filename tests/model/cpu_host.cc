// SPDX-License-Identifier: GPL-2.0
// The host of the CPU model: sleeping and waking as the seam promises it, no more and no
// less, and what each thread of the host does.
#include "cpu_model_state.h"

extern "C" unsigned long long isa_cycles();

namespace cpu_model {

Host host;
std::array<lkl_host_thread, kMaxThreads + 1> records;
const Setup* setup;

namespace {

bool is_set(const void* flag) {
  return *static_cast<const int*>(flag) != 0;
}

// Until the flag is set; it is consumed.
void sleep_on(int& flag, const char* name) {
  model_block_until(is_set, &flag, name);
  model_store(&flag, sizeof flag, 0, MODEL_SEQ_CST, name);
}

void wait(void*, lkl_host_thread* self) {
  if ((MODEL_LOAD(self->state) & LKL_REQ_PHASE) == LKL_REQ_DONE) return;
  if (host.spurious && model_choose(2, "spurious wake")) {
    --host.spurious;
    return;
  }
  sleep_on(host.woken[number_of(self)], "woken");
}

void wake(void*, lkl_host_thread* thread) {
  if (!setup->mistakes.wake_is_lost_when_awake) MODEL_STORE(host.woken[number_of(thread)], 1);
}

struct Sleep {
  const int* woken;
  const uint64_t* until;
};

bool loop_wakes(const void* sleep) {
  const auto& [woken, until] = *static_cast<const Sleep*>(sleep);
  return *woken || host.kicked || host.device_done || host.now >= *until;
}

// As the owner of the event loop.
void sleep_in_loop(const int& woken, uint64_t& until) {
  const Sleep sleep = {&woken, &until};
  until = lkl_kernel_mind();
  model_block_until(loop_wakes, &sleep, "the event loop");
  until = 0;
  MODEL_STORE(host.kicked, 0);
  if (MODEL_XCHG(host.device_done, 0)) lkl_kernel_raise(0);
}

// The executor's own part of host/core/minder.cc.
void executor_wait(void*) {
  if (setup->executor_minds && MODEL_CAS(host.taken, 0, 1)) {
    MODEL_STORE(host.alarm, 0);
    sleep_in_loop(host.executor_woken, host.executor_sleeps_until);
    lkl_kernel_minded(host.now + LKL_GUARD_NS);
    MODEL_STORE(host.taken, 0);
    if (!setup->mistakes.no_alarm) MODEL_STORE(host.alarm, 1);
    if (MODEL_XCHG(host.executor_woken, 0)) return;
    if (lkl_kernel_attend() != LKL_ATTEND_SLEEPER) {
      MODEL_STORE(host.executor_woken, 0);
      return;
    }
  }
  host.executor_sleeps_until = LKL_NO_DEADLINE;
  sleep_on(host.executor_woken, "executor_woken");
  host.executor_sleeps_until = 0;
}

void executor_kick(void*) {
  if (!setup->mistakes.no_executor_kick) MODEL_STORE(host.executor_woken, 1);
}

void mind(void*) {
  if (setup->mistakes.no_mind) return;
  if (MODEL_LOAD(host.taken))
    MODEL_STORE(host.kicked, 1);
  else
    MODEL_STORE(host.look, 1);
}

void hold_wait(void*) {
  sleep_on(host.granted, "granted");
}

void granted(void*) {
  if (!setup->mistakes.granted_is_lost) MODEL_STORE(host.granted, 1);
}

void halted(void*) {
  if (setup->mistakes.halt_wakes_nobody) return;
  for (int& woken : host.woken) MODEL_STORE(woken, 1);
  MODEL_STORE(host.executor_woken, 1);
  MODEL_STORE(host.look, 1);
  MODEL_STORE(host.granted, 1);
}

lkl_u64 time(void*) {
  return MODEL_LOAD(host.now);
}
void nap(void*, lkl_u64) {
  model_point("nap");
}

bool alarm_goes_off(const void*) {
  return host.look || host.alarm;
}

}  // namespace

lkl_host_calls host_calls() {
  lkl_host_calls calls = {};
  calls.halted = halted;
  calls.time = time;
  calls.wait = wait;
  calls.wake = wake;
  calls.nap = nap;
  calls.executor_wait = executor_wait;
  calls.executor_kick = executor_kick;
  calls.mind = mind;
  calls.hold_wait = hold_wait;
  calls.granted = granted;
  calls.may_spin = setup->may_spin;
  return calls;
}

void executor_main() {
  while (lkl_kernel_execute(&executor_record())) {
  }
}

// The one that waits for devices and the clock (host/core/minder.cc).
void minder_main() {
  while (!lkl_kernel_is_dead()) {
    MODEL_STORE(host.look, 0);
    if (!MODEL_CAS(host.taken, 0, 1)) {
      host.minder_is_off_the_loop = true;
      model_block_until(alarm_goes_off, nullptr, "the minder's alarm");
      host.minder_is_off_the_loop = false;
      MODEL_STORE(host.alarm, 0);
      continue;
    }
    sleep_in_loop(host.look, host.minder_sleeps_until);
    lkl_kernel_minded(0);
    MODEL_STORE(host.taken, 0);
    lkl_kernel_attend();
  }
}

void fork_main() {
  if (!lkl_kernel_hold()) return;
  model_require(kernel.inside == 0);
  model_point("fork");
  model_require(kernel.inside == 0);
  host.forked = 1;
  lkl_kernel_unhold();
}

void application_main(size_t number) {
  lkl_host_thread& self = records[number];
  const auto& calls = setup->calls[number];
  bool halted_before = false;
  for (size_t i = 0; i < calls.size(); ++i) {
    self.nr = calls[i];
    self.args[0] = 10 * number + i;
    self.ret = 0;
    lkl_kernel_syscall(&self);
    if (self.ret < 0) {
      model_require(lkl_kernel_is_dead());
      halted_before = true;
    } else {
      model_require(!halted_before);
      model_require(self.ret == static_cast<int64_t>(10 * number + i + 1000));
    }
  }
}

}  // namespace cpu_model

unsigned long long isa_cycles() {
  return cpu_model::setup->cycles_pass && model_choose(2, "time passes") ? 1'000'000 : 0;
}
