// SPDX-License-Identifier: GPL-2.0
// The kernel of the CPU model. Where the real one swaps stacks, this one returns, and goes
// on by what it has written down: each task where it is, and which one is current.
#include <algorithm>

#include "cpu_model_state.h"

extern "C" {
void lkl_call_on_stack(lkl_host_thread* self, lkl_u64 stack_top, void (*fn)(lkl_host_thread*));
void lkl_swap_stacks(lkl_u64* save, lkl_u64 sp);
void lkl_task_loop(lkl_host_thread* thread);
void lkl_user_interrupt(lkl_host_thread* thread);
void lkl_request_done(lkl_host_thread* thread);
lkl_u64 lkl_clock();
int lkl_boot_prepare(const char*, lkl_u64*) {
  return 0;
}
void lkl_boot_on_stack(lkl_host_thread*) {}
void lkl_boot_begins(lkl_host_thread*) {}
}

namespace cpu_model {

Kernel kernel;

namespace {

constexpr int64_t kAnswerIs = 1000;

bool pending(uint64_t word) {
  return word & ~LKL_CPU_HELD;
}
lkl_host_thread& record_of(uint8_t task) {
  return records[task];
}

bool posted(lkl_host_thread& record) {
  return (MODEL_LOAD(record.state) & LKL_REQ_PHASE) == LKL_REQ_POSTED;
}

void wake_task(uint8_t number) {
  Kernel::Task& task = kernel.tasks[number];
  if (task.at == At::kParked) task.at = At::kLoop;
  task.runnable = true;
}

// ---- leaving; each returns true: the CPU has been left ----

bool leave() {
  lkl_cpu.mode = LKL_MODE_KERNEL;
  return true;
}

bool hand_over() {
  model_note("hands over", 0);
  lkl_cpu.leave |= LKL_LEAVE_HAND_OVER;
  return leave();
}

// Time may have passed, as much as it takes.
bool limit_is_reached() {
  return lkl_cpu.serve_until != LKL_NO_TIME_LIMIT && model_choose(2, "time limit");
}

// ---- time.c ----

void set_event(uint64_t event) {
  ++lkl_cpu.activity;
  MODEL_STORE(lkl_cpu.next_event, event);
  if (setup->mistakes.event_set_without_look) return;
  if (MODEL_LOAD(lkl_cpu.minder_deadline) > event + LKL_GUARD_NS) {
    MODEL_STORE(lkl_cpu.minder_deadline, 0);
    lkl_host->mind(lkl_host->instance);
  }
}

void set_next_event() {
  uint64_t next = LKL_NO_DEADLINE;
  for (const Kernel::Task& task : kernel.tasks)
    if (task.expires) next = std::min(next, task.expires);
  if (next != LKL_NO_DEADLINE && next != lkl_cpu.next_event) set_event(next);
}

void timer_interrupt() {
  const uint64_t now = lkl_host->time(lkl_host->instance);
  if (now < lkl_cpu.next_event) return;
  MODEL_STORE(lkl_cpu.next_event, LKL_NO_DEADLINE);
  for (uint8_t i = 0; i < kMaxThreads; ++i) {
    Kernel::Task& task = kernel.tasks[i];
    if (!task.expires || task.expires > now) continue;
    task.expires = 0;
    task.at = At::kAnswers;
    task.runnable = true;
  }
  set_next_event();
}

void device_interrupt() {
  for (Kernel::Task& task : kernel.tasks) {
    if (task.at != At::kWaits || task.expires) continue;
    task.at = At::kAnswers;
    task.runnable = true;
  }
}

// ---- task.c and syscall.c ----

void take_entries() {
  MODEL_FETCH_AND(lkl_cpu.word, ~LKL_CPU_ENTER);
  lkl_host_thread* list = MODEL_XCHG(lkl_cpu.enter_list, nullptr);
  while (list) {
    lkl_host_thread* const entry = list;
    list = entry->next;
    MODEL_FETCH_AND(entry->state, ~LKL_REQ_QUEUED);
    const auto number = static_cast<uint8_t>(number_of(entry));
    if (kernel.tasks[number].at == At::kParked) wake_task(number);
  }
}

void answer(uint8_t number) {
  lkl_host_thread& record = record_of(number);
  record.ret = static_cast<int64_t>(record.args[0]) + kAnswerIs;
  kernel.tasks[number].at = At::kLoop;
  lkl_request_done(&record);
}

bool schedule() {
  // Whose own call is done goes on for others only so long.
  model_require(phase_of(*lkl_cpu.runner) != LKL_REQ_DONE ||
                lkl_cpu.serve_until != LKL_NO_TIME_LIMIT);
  std::array<uint8_t, kMaxThreads + 1> candidates;
  unsigned count = 0;
  for (uint8_t i = 0; i < kernel.tasks.size(); ++i)
    if (kernel.tasks[i].runnable) candidates[count++] = i;
  kernel.current = kIdle;
  if (count == 1) kernel.current = candidates[0];
  if (count > 1) kernel.current = candidates[model_choose(count, "next task")];
  return limit_is_reached() && hand_over();
}

bool do_pending(bool in_user);

bool park(uint8_t number) {
  lkl_host_thread& record = record_of(number);
  Kernel::Task& task = kernel.tasks[number];
  if (lkl_cpu.runner == &record && phase_of(record) == LKL_REQ_DONE)
    lkl_cpu.serve_until = lkl_clock() + 1;
  // An interrupt that comes here finds the task awake, and does not wake it.
  do_pending(true);
  task.at = At::kParked;
  task.runnable = false;
  if (!setup->mistakes.park_does_not_look_again && posted(record)) {
    wake_task(number);
    return false;
  }
  return schedule();
}

bool wait_for(uint8_t number, uint64_t expires) {
  Kernel::Task& task = kernel.tasks[number];
  task.at = At::kWaits;
  task.runnable = false;
  task.expires = expires;
  if (expires)
    set_next_event();
  else
    MODEL_STORE(host.device_done, 1);
  return schedule();
}

bool halt() {
  lkl_cpu.leave = LKL_LEAVE_HAND_OVER;
  MODEL_STORE(lkl_cpu.mode, LKL_MODE_DEAD);
  lkl_host->halted(lkl_host->instance);
  return true;
}

// The clock does not go on for ever. 0: it would be due already.
uint64_t expiry(uint64_t ns) {
  const uint64_t now = lkl_host->time(lkl_host->instance), last = kStep * setup->steps;
  return now < last ? std::min(now + ns, last) : 0;
}

bool run_request(uint8_t number) {
  lkl_host_thread& record = record_of(number);
  MODEL_STORE_RELAXED(record.state, (MODEL_PEEK(record.state) & ~LKL_REQ_PHASE) | LKL_REQ_RUNNING);
  ++record.streak;
  switch (record.nr) {
    case kTimer:
      if (const uint64_t expires = expiry(kStep)) return wait_for(number, expires);
      break;
    case kDevice:
      return wait_for(number, 0);
    case kBusy:
      kernel.tasks[number].expires = expiry(kTick);
      if (!kernel.tasks[number].expires) break;
      kernel.tasks[number].at = At::kBusy;
      set_next_event();
      return false;
    case kHalt:
      return halt();
    case kLeaveWork:
      kernel.work = 2;
      kernel.tasks[kWorker].runnable = true;
      break;
    default:
      break;
  }
  answer(number);
  return false;
}

// ---- irq.c ----

bool do_pending(bool in_user) {
  uint64_t word;
  while ((word = MODEL_LOAD(lkl_cpu.word)) & LKL_CPU_INTERRUPTS) {
    if (word & LKL_CPU_ENTER) take_entries();
    if (word & LKL_CPU_TIMER) {
      MODEL_FETCH_AND(lkl_cpu.word, ~LKL_CPU_TIMER);
      timer_interrupt();
    }
    if (word & LKL_CPU_IRQ(0)) {
      MODEL_FETCH_AND(lkl_cpu.word, ~LKL_CPU_IRQ(0));
      device_interrupt();
    }
    if (!in_user && limit_is_reached()) return hand_over();
  }
  return (word & LKL_CPU_HOLD) && !in_user && hand_over();
}

// ---- what each task does ----

bool is_pending(const void*) {
  return pending(lkl_cpu.word);
}

// Kernel code that goes on and on, and can be interrupted.
bool be_busy() {
  if (std::ranges::count_if(kernel.tasks, &Kernel::Task::runnable) > 1) return schedule();
  model_block_until(is_pending, nullptr, "busy");
  return false;
}

bool host_task(uint8_t number) {
  Kernel::Task& task = kernel.tasks[number];
  lkl_host_thread& record = record_of(number);
  if (task.at == At::kAnswers) {
    answer(number);
    return false;
  }
  if (task.at == At::kBusy) return be_busy();
  if (posted(record)) return run_request(number);
  const auto runnable = std::ranges::count_if(kernel.tasks, &Kernel::Task::runnable);
  if (runnable > 1) return park(number);
  if (lkl_cpu.user != &record) {
    lkl_cpu.user = &record;
    lkl_cpu.user_since = 0;
  }
  lkl_cpu.mode = LKL_MODE_USER;
  return true;
}

bool worker_task() {
  if (kernel.work == 0)
    kernel.tasks[kWorker].runnable = false;
  else
    --kernel.work;
  return schedule();
}

bool idle_task() {
  if (std::ranges::any_of(kernel.tasks, &Kernel::Task::runnable)) return schedule();
  return !pending(MODEL_LOAD(lkl_cpu.word)) && leave();
}

void run() {
  for (;;) {
    if (do_pending(false)) return;
    const uint8_t current = kernel.current;
    const bool left = current == kIdle     ? idle_task()
                      : current == kWorker ? worker_task()
                                           : host_task(current);
    if (left) return;
  }
}

// The current task was in user mode.
bool interrupt_user() {
  lkl_host_thread* const user = lkl_cpu.user;
  const auto number = static_cast<uint8_t>(number_of(user));
  kernel.current = number;
  kernel.tasks[number].at = At::kLoop;
  if ((MODEL_LOAD(lkl_cpu.word) & LKL_CPU_INTERRUPTS) == LKL_CPU_ENTER)
    take_entries();
  else
    do_pending(true);
  return lkl_cpu.runner != user && !posted(*user) && park(number);
}

struct Inside {
  Inside() {
    model_require(++kernel.inside == 1);
    model_require(lkl_cpu.word & LKL_CPU_HELD);
    model_require(lkl_cpu.mode != LKL_MODE_DEAD);
  }
  ~Inside() { --kernel.inside; }
};

}  // namespace

void begin_kernel() {
  kernel = {};
  kernel.current = kIdle;
  for (Kernel::Task& task : kernel.tasks) task.at = At::kParked;
  lkl_cpu.word = 0;
  lkl_cpu.mode = LKL_MODE_KERNEL;
  if (!setup->begins_in_user) return;
  kernel.current = 0;
  kernel.tasks[0] = {At::kLoop, true, 0};
  lkl_cpu.mode = LKL_MODE_USER;
  lkl_cpu.user = &records[0];
}

}  // namespace cpu_model

using namespace cpu_model;

void lkl_call_on_stack(lkl_host_thread* self, lkl_u64, void (*fn)(lkl_host_thread*)) {
  const Inside inside;
  lkl_cpu.mode = LKL_MODE_KERNEL;
  if (fn == lkl_user_interrupt) {
    if (interrupt_user()) return;
  } else {
    kernel.current = static_cast<uint8_t>(number_of(self));
    kernel.tasks[kernel.current].at = At::kLoop;
  }
  run();
}

void lkl_swap_stacks(lkl_u64*, lkl_u64) {
  const Inside inside;
  run();
}

void lkl_request_done(lkl_host_thread* thread) {
  const bool own = lkl_cpu.runner == thread;
  MODEL_STORE_RELEASE(thread->state, MODEL_PEEK(thread->state) | LKL_REQ_DONE);
  if (!own) lkl_host->wake(lkl_host->instance, thread);
}

// Only their addresses are wanted.
void lkl_task_loop(lkl_host_thread*) {
  model_fail("called by nobody");
}
void lkl_user_interrupt(lkl_host_thread*) {
  model_fail("not called either");
}

lkl_u64 lkl_clock() {
  return 0;
}
