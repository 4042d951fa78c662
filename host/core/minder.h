// SPDX-License-Identifier: GPL-2.0
// Who waits for I/O and for the kernel's next timer, and hands I/O to the host.
//
// One thread of the library is there for it and for nothing else: it never is the CPU, so
// that completions are collected and timers fire whatever the CPU is busy with. But an
// application thread that waits for the end of its call may own the event loop meanwhile: then
// an answer of a device wakes that thread, and no other before it. So may the executor that has
// nothing to do, unless threads at work look at the wires anyway: what it is needed for wakes it
// and nobody else. loop_owner.h has the states.
#pragma once

#include <atomic>

#include "core/gate.h"
#include "core/loop_owner.h"
#include "core/record.h"
#include "host.h"
#include "io/event_loop.h"

namespace lkl::host {

class Minder final {
 public:
  // Told, on the minder's thread, each time it has been held for kPatienceNs more.
  struct HeldForLong {
    void (*told)(void* argument) = nullptr;
    void* argument = nullptr;
  };
  static constexpr uint64_t kPatienceNs = 10'000'000;

  Minder(EventLoop& loop, HeldForLong held_for_long);
  ~Minder();

  // 0 or -errno.
  int start();
  void stop();

  // An application thread, in its call, on its host stack: sleeps until wake_up() or until
  // there is something to look at.
  void wait(ThreadRecord& self);
  void wake_up(ThreadRecord& thread);
  // The executor, that has nothing to do: sleeps until wake_up(), or until somebody is to be the
  // CPU and it is the one to do it. May return early.
  void wait_for_work(ThreadRecord& self);

  // Whoever minds: look at the timer now.
  void look() { (owner_.owner() ? loop_.kick() : wake_minder()); }

  // ---- fork: nobody waits in the loop from pause() to resume(), who calls it owns it ----
  void pause();
  void resume();
  // In between the kernel may go on for a while: the minder itself, told that it is held for long,
  // minds the loop then, and no application thread comes back from wait() with a call that is
  // through before it is said that the kernel stands still again.
  void lend(bool lent) { lent_.store(lent); }
  bool lent() const { return lent_.load(); }
  void mind_for(uint64_t duration_ns);
  // In the child: threads are no more. 0 or -errno.
  int after_fork_child();
  void forget() {
    thread_.fork_forget();
    loop_.postponed().after_fork_child();
  }

 private:
  static constexpr uint64_t kOverdueNs = 400'000, kNoPromiseNs = 100'000'000;

  void run();
  void mind();
  void glance(bool attended);
  void promise(bool attended);
  void break_promise();
  void mind_until(uint64_t deadline);
  void wait_on_word(ThreadRecord& self);
  void wait_while_lent(ThreadRecord& self);
  bool own(const void* who);
  void mind_as(ThreadRecord& self);
  void wake_minder();

  EventLoop& loop_;
  const bool may_look_busily_;
  host::Thread thread_;

  LoopOwner owner_;
  std::atomic<bool> stop_ = false;
  uint64_t no_promise_until_ = 0;  // the minder's
  Gate gate_;
  const HeldForLong held_for_long_;
  std::atomic<bool> lent_ = false;
};

}  // namespace lkl::host
