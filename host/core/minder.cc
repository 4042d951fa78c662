// SPDX-License-Identifier: GPL-2.0
#include "core/minder.h"

#include <algorithm>

namespace lkl::host {

Minder::Minder(EventLoop& loop, HeldForLong held_for_long)
    : loop_(loop), may_look_busily_(host::processors() > 1), held_for_long_(held_for_long) {
  loop_.set_submitter({[](void* self) { static_cast<Minder*>(self)->wake_minder(); }, this});
}

Minder::~Minder() {
  stop();
}

int Minder::start() {
  stop_.store(false);
  if (const int error = owner_.open()) return error;
  return thread_.start(
      "lkl-minder", [](void* self) { static_cast<Minder*>(self)->run(); }, this);
}

void Minder::stop() {
  stop_.store(true);
  wake_minder();
  thread_.join();
}

bool Minder::own(const void* who) {
  if (gate_.closed() || !owner_.take(who)) return false;
  // said first, then looked: pause() looks the other way round
  if (!gate_.closed()) return true;
  owner_.leave();
  return false;
}

void Minder::wake_minder() {
  if (owner_.want(this)) loop_.kick();
}

// ---- other threads ----

// As the owner, which it is not any more afterwards.
void Minder::mind_as(ThreadRecord& self) {
  owner_.stays(self.patience.last_ns() >= LKL_GUARD_NS);
  self.where.store(ThreadRecord::kInLoop);
  if (self.woken.load() == 0 && !self.request_done()) {
    const uint64_t begin = host::monotonic_ns();
    loop_.sleep(lkl_kernel_mind(), may_look_busily_ ? self.patience.look_ns() : 0);
    self.patience.waited(host::monotonic_ns() - begin);
  }
  self.where.store(ThreadRecord::kAwake);
  loop_.collect();
  lkl_kernel_minded(owner_.next_look());
  owner_.leave();
}

void Minder::wait(ThreadRecord& self) {
  if (loop_.postponed().settle()) return;
  if (!own(&self)) {
    wait_on_word(self);
    if (lent_.load()) wait_while_lent(self);
    return;
  }
  mind_as(self);
  self.woken.store(0);
}

void Minder::wait_for_work(ThreadRecord& self) {
  if (loop_.attended() || !own(&self)) {
    wait_on_word(self);
    return;
  }
  mind_as(self);
  if (self.woken.exchange(0)) return;
  // A thread that waits for its call and now comes may have to wait again: for the loop then.
  if (lkl_kernel_attend() == LKL_ATTEND_SLEEPER)
    wait_on_word(self);
  else
    self.woken.store(0);  // by itself
}

void Minder::wait_on_word(ThreadRecord& self) {
  self.where.store(ThreadRecord::kOnWord);
  if (!self.request_done()) host::wait_on(self.woken, 0, UINT64_MAX);
  self.where.store(ThreadRecord::kAwake);
  self.woken.store(0);
}

// Perhaps it is this thread that the one which forks waits for: the kernel is to stand still again
// before that goes on.
void Minder::wait_while_lent(ThreadRecord& self) {
  constexpr uint64_t kPollNs = 100'000;
  while (lent_.load() && !self.kept_io && !lkl_kernel_is_dead()) {
    if (self.request_done()) {
      host::sleep_ns(kPollNs);
    } else {
      // if it was woken to be the CPU another one has to
      lkl_kernel_attend();
      wait_on_word(self);
    }
  }
}

void Minder::wake_up(ThreadRecord& thread) {
  thread.woken.store(1);
  switch (thread.where.load()) {
    case ThreadRecord::kOnWord:
      host::wake_one(thread.woken);
      break;
    case ThreadRecord::kInLoop:
      loop_.kick();
      break;
    default:
      break;
  }
}

// ---- the minder ----

void Minder::run() {
  while (!stop_.load()) {
    owner_.begin();
    loop_.submit();
    if (gate_.closed()) {
      while (!gate_.park(host::monotonic_ns() + kPatienceNs))
        held_for_long_.told(held_for_long_.argument);
    } else if (!own(this)) {
      break_promise();
      owner_.guard();
    } else {
      // threads look at wires without waiting, or wait in the loop and leave it again and again
      const bool had_turns = owner_.had_turns(), attended = loop_.attended();
      if (attended || (had_turns && loop_.idle())) {
        glance(attended);
      } else {
        break_promise();
        mind();
      }
    }
  }
  break_promise();
}

void Minder::mind_until(uint64_t deadline) {
  deadline = std::min<uint64_t>(deadline, lkl_kernel_mind());
  if (!owner_.wanted() && !stop_.load()) loop_.sleep(deadline);
  loop_.collect();
  lkl_kernel_minded(0);
}

void Minder::mind() {
  mind_until(UINT64_MAX);
  owner_.leave();
  // Who comes now, to be the CPU, may have to wait after that: for the loop then.
  if (lkl_kernel_attend() != LKL_ATTEND_NOBODY) owner_.guard();
}

// Others are at work, and take frames from the wires as they go: to be woken by each of these, on a
// processor that one of them may want, would help nobody. It looks once, and at the clock, and
// comes back before long.
void Minder::glance(bool attended) {
  promise(attended);
  loop_.sleep(EventLoop::kAtOnce);
  loop_.collect();
  const uint64_t until = std::min<uint64_t>(lkl_kernel_mind(), host::monotonic_ns() + LKL_GUARD_NS);
  lkl_kernel_minded(until);
  owner_.leave();
  lkl_kernel_attend();
  owner_.guard_until(until);
}

// What devices put off waits for the next glance at most. Threads that often send, and then wait
// for something else than the kernel, would have to wait for that: nothing is put off for a while.
void Minder::promise(bool attended) {
  Postponed& postponed = loop_.postponed();
  const uint64_t now = host::monotonic_ns();
  if (postponed.age_ns(now) > kOverdueNs) no_promise_until_ = now + kNoPromiseNs;
  if (attended && now >= no_promise_until_) {
    postponed.promise();
    postponed.settle();
  } else {
    postponed.break_promise();
  }
}

void Minder::break_promise() {
  if (loop_.postponed().break_promise()) lkl_kernel_attend();
}

// ---- fork ----

void Minder::pause() {
  gate_.close();
  wake_minder();
  loop_.kick();
  if (thread_.running()) gate_.wait_parked();
  owner_.wait_until_nobody();
  loop_.postponed().break_promise();
  loop_.postponed().wait_for_others();
}

void Minder::resume() {
  gate_.open();
}

void Minder::mind_for(uint64_t duration_ns) {
  const uint64_t end = host::monotonic_ns() + duration_ns;
  owner_.take(this);
  while (host::monotonic_ns() < end) {
    owner_.begin();
    loop_.submit();
    mind_until(end);
    lkl_kernel_attend();
  }
  owner_.leave();
}

int Minder::after_fork_child() {
  const bool was_running = thread_.running();
  forget();
  lent_.store(false);
  gate_.open();
  if (const int error = loop_.after_fork_child()) return error;
  if (const int error = owner_.open()) return error;
  return was_running ? start() : 0;
}

}  // namespace lkl::host
