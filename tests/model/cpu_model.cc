// SPDX-License-Identifier: GPL-2.0
#include <algorithm>

#include "cpu_model_state.h"

// What host_side.c has of its own, function-local or not (CMakeLists.txt).
extern "C" {
extern char __start_lkl_model_data[], __stop_lkl_model_data[];
extern char __start_lkl_model_bss[], __stop_lkl_model_bss[];
}

namespace cpu_model {
namespace {

bool alive() {
  return lkl_cpu.mode != LKL_MODE_DEAD;
}

bool somebody_comes() {
  constexpr uint64_t kNobodysBusiness = LKL_CPU_HELD | LKL_CPU_HOLD;
  return !alive() || !lkl_cpu.word || lkl_cpu.word & kNobodysBusiness;
}

// As late as the host may be with it; while kernel code runs for long, by a guard time.
bool somebody_minds() {
  if (!alive() || lkl_cpu.next_event == LKL_NO_DEADLINE) return true;
  const uint64_t late = lkl_cpu.word & LKL_CPU_HELD ? LKL_GUARD_NS : LKL_GUARD_NS / 10;
  const uint64_t minder = host.minder_is_off_the_loop ? LKL_NO_DEADLINE : host.minder_sleeps_until;
  return std::min(minder, host.executor_sleeps_until) <= lkl_cpu.next_event + late;
}

}  // namespace

model::Result check(const Setup& with) {
  setup = &with;
  host = {};
  host.spurious = with.spurious_wakes;
  records = {};
  for (lkl_host_thread& record : records) record.streak = with.streak;
  const lkl_host_calls calls = host_calls();
  lkl_host = &calls;
  begin_kernel();

  model::Checker checker(with.options);
  checker.region("data", __start_lkl_model_data, __stop_lkl_model_data - __start_lkl_model_data);
  checker.region("bss", __start_lkl_model_bss, __stop_lkl_model_bss - __start_lkl_model_bss);
  checker.region("host", host);
  checker.region("kernel", kernel);
  const char* const kNames[] = {"A", "B", "C"};
  for (size_t i = 0; i < with.calls.size(); ++i) {
    checker.region(kNames[i], records[i]);
    checker.name(reinterpret_cast<uint64_t>(&records[i]), kNames[i]);
    checker.thread(kNames[i], [i] { application_main(i); });
  }
  checker.region("executor", executor_record());
  checker.name(LKL_NO_DEADLINE, "never");
  checker.thread("executor", executor_main, model::Role::kDaemon);
  checker.thread("minder", minder_main, model::Role::kDaemon);
  if (with.forks) checker.thread("forks", fork_main);
  checker.thread(
      "clock",
      [&with] {
        // and once more: who looks a guard time later has to be able to
        for (int i = 0; i <= with.steps; ++i) MODEL_STORE(host.now, host.now + kStep);
      },
      model::Role::kEnvironment);

  checker.invariant("who is inside holds the word",
                    [] { return !kernel.inside || lkl_cpu.word & LKL_CPU_HELD; });
  checker.when_quiet("a free word with something to do has somebody on the way", somebody_comes);
  checker.when_quiet("the next event is looked at in time", somebody_minds);
  checker.at_end("the word is free, or the kernel dead",
                 [] { return !alive() || !(lkl_cpu.word & LKL_CPU_HELD); });
  checker.at_end("who was to fork has had the word",
                 [&with] { return !alive() || !with.forks || host.forked; });
  return checker.run();
}

}  // namespace cpu_model
