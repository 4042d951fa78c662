// SPDX-License-Identifier: GPL-2.0
#include "preload/signals.h"

#include <lkl.h>
#include <ucontext.h>

#include <algorithm>
#include <cstring>

#include "preload/libc.h"
#include "preload/lookups.h"
#include "preload/mask.h"
#include "preload/numbers.h"
#include "preload/say.h"
#include "run/stand_in.h"

namespace lkl::preload {

constinit thread_local Thread this_thread;

namespace {

constexpr int kMostSignals = 65;

// What the program has asked for. Handlers read it at any time.
using Handler = void (*)(int);
using HandlerWithInfo = void (*)(int, siginfo_t*, void*);
struct Action {
  std::atomic<HandlerWithInfo> handler;
  std::atomic<int> flags;
  std::atomic<unsigned long> mask;  // of the first 64 signals, which are all
  std::atomic<bool> is_known;
};
Action actions[kMostSignals];

// Of the kernel's: one after which calls end, one after which they are made again.
constexpr int kInterrupts = 40, kRestarts = 41;
int pipe_to_thread = -1;

// The library has handlers of its own for these, in front of the program's.
bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS;
}

// The same word of struct sigaction.
Handler plain(HandlerWithInfo handler) {
  return reinterpret_cast<Handler>(reinterpret_cast<void*>(handler));
}

bool is_handler(HandlerWithInfo handler) {
  return handler != nullptr && plain(handler) != SIG_IGN;
}

// By the default, when it comes again.
void die_of(int signal) {
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  libc().sigaction(signal, &by_default, nullptr);
}

void run_handler(int signal, siginfo_t* info, void* context) {
  Action& action = actions[signal];
  const auto handler = action.handler.load();
  if (!is_handler(handler)) return;
  if ((action.flags & static_cast<int>(SA_RESETHAND)) != 0) {
    action.handler = nullptr;
    if (!is_fault(signal)) die_of(signal);
  }
  if ((action.flags & SA_SIGINFO) != 0)
    handler(signal, info, context);
  else
    plain(handler)(signal);
}

void defer(int signal, const siginfo_t* info) {
  const int count = this_thread.waiting;
  for (int i = 0; i < count; i++)
    if (signal < SIGRTMIN && this_thread.signals[i].si_signo == signal) return;
  if (count == Thread::kMostWaiting) return;
  this_thread.signals[count] = *info;
  this_thread.signals[count].si_signo = signal;
  this_thread.waiting = count + 1;
  if (std::atomic<int>* const asked = this_thread.asked) {
    int waits = 0;
    asked->compare_exchange_strong(waits, kWaitIsOver);
  }
  const int words[] = {this_thread.task,
                       (actions[signal].flags & SA_RESTART) != 0 ? kRestarts : kInterrupts};
  if (pipe_to_thread >= 0 && words[0] != 0)
    (void)!libc().write(pipe_to_thread, words, sizeof words);
}

void on_signal(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const NotDispatched scope;
  if (is_fault(signal) && !is_handler(actions[signal].handler)) {
    die_of(signal);
    // The kernel's SIGBUS is a SIGSEGV of the host's, when the instruction runs again.
    if (signal == SIGBUS) ::raise(signal);
  } else if (this_thread.inside == 0 || is_fault(signal)) {
    run_handler(signal, info, context);
  } else {
    defer(signal, info);
  }
  errno = error;
}

// As the host's kernel would have run it: with its signals blocked meanwhile.
void run_waiting(siginfo_t& info) {
  const int signal = info.si_signo;
  const Action& action = actions[signal];
  sigset_t mask = {}, before;
  const unsigned long bits =
      action.mask | ((action.flags & static_cast<int>(SA_NODEFER)) != 0 ? 0 : 1UL << (signal - 1));
  std::memcpy(&mask, &bits, sizeof bits);
  libc().pthread_sigmask(SIG_BLOCK, &mask, &before);
  ucontext_t context;
  ::getcontext(&context);
  run_handler(signal, &info, &context);
  libc().pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// The kernel's: the thread is outside of its call now, in the middle of ours.
void on_kernels_signal(int) {
  const int inside = this_thread.inside;
  this_thread.inside = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (this_thread.waiting != 0) take_waiting_signals();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  this_thread.inside = inside;
}

void* interrupt_calls(void* from) {
  const auto pipe = static_cast<int>(reinterpret_cast<long>(from));
  const auto process = static_cast<int>(lkl_sys_getpid());
  for (int words[2]; libc().read(pipe, words, sizeof words) == sizeof words;)
    lkl_sys_tgkill(process, words[0], words[1]);
  return nullptr;
}

sigset_t without_faults(const sigset_t& set) {
  sigset_t same = set;
  ::sigdelset(&same, SIGSEGV);
  ::sigdelset(&same, SIGBUS);
  return same;
}

// What the library does with faults is not undone: the program's are its second choice.
void stand_in_front(int signal) {
  struct sigaction before;
  if (libc().sigaction(signal, nullptr, &before) != 0) return;
  Action& action = actions[signal];
  if (!action.is_known) {
    action.handler = before.sa_sigaction;
    action.flags = before.sa_flags;
    action.is_known = true;
  }
  struct sigaction ours = {};
  ours.sa_sigaction = on_signal;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  libc().sigaction(signal, &ours, nullptr);
}

std::atomic<bool> serves;

}  // namespace

void take_waiting_signals() {
  while (this_thread.waiting != 0) {
    siginfo_t now[Thread::kMostWaiting];
    const int count = this_thread.waiting;
    std::copy_n(this_thread.signals, count, now);
    this_thread.waiting = 0;
    for (int i = 0; i < count; i++) run_waiting(now[i]);
  }
}

bool waiting_signals_restart() {
  return std::all_of(
      this_thread.signals, this_thread.signals + this_thread.waiting,
      [](const siginfo_t& info) { return (actions[info.si_signo].flags & SA_RESTART) != 0; });
}

EndingSignals::EndingSignals() : set_(tool::served::forwarded_signals()) {
  libc().pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

bool EndingSignals::any_comes() const {
  constexpr timespec kMoment = {.tv_sec = 0, .tv_nsec = 20'000'000};
  return ::sigtimedwait(&set_, nullptr, &kMoment) > 0;
}

void prepare_faults() {
  for (const int signal : {SIGSEGV, SIGBUS}) stand_in_front(signal);
  serves = true;
}

void serve_signals() {
  lkl_sigaction action = {};
  action.lkl_sa_handler = on_kernels_signal;
  lkl_sys_rt_sigaction(kInterrupts, &action, nullptr, sizeof(lkl_sigset_t));
  action.sa_flags = LKL_SA_RESTART;
  lkl_sys_rt_sigaction(kRestarts, &action, nullptr, sizeof(lkl_sigset_t));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) give_up("there is no pipe for signals");
  for (int& end : ends) end = make_librarys(end);
  libc().fcntl(ends[1], F_SETFL, O_NONBLOCK);
  const sigset_t all = all_but_faults();
  const MaskFor blocked(&all);
  pthread_t thread;
  if (::pthread_create(&thread, nullptr, interrupt_calls,
                       reinterpret_cast<void*>(static_cast<long>(ends[0]))) != 0)
    give_up("there is no thread for signals");
  ::pthread_detach(thread);
  pipe_to_thread = ends[1];
}

namespace {

int set_action(int signal, const struct sigaction* wanted, struct sigaction* before) {
  if (this_thread.inside != 0 || signal <= 0 || signal >= kMostSignals)
    return libc().sigaction(signal, wanted, before);
  Action& action = actions[signal];
  const bool is_kept = serves && is_fault(signal);
  struct sigaction now = {};
  if (libc().sigaction(signal, nullptr, &now) != 0) return -1;
  if (now.sa_sigaction == on_signal || is_kept) {
    // reset by a signal, perhaps
    now.sa_sigaction = action.handler;
    now.sa_flags = action.flags;
    const unsigned long bits = action.mask;
    ::sigemptyset(&now.sa_mask);
    std::memcpy(&now.sa_mask, &bits, sizeof bits);
  }
  if (wanted != nullptr) {
    unsigned long bits;
    std::memcpy(&bits, &wanted->sa_mask, sizeof bits);
    const auto handler = wanted->sa_sigaction;
    struct sigaction ours = *wanted;
    if (is_handler(handler)) {
      action.mask = bits;
      action.flags = wanted->sa_flags;
      action.handler = handler;
      ours.sa_sigaction = on_signal;
      ours.sa_flags = (wanted->sa_flags | SA_SIGINFO) & ~static_cast<int>(SA_RESETHAND);
      ours.sa_mask = without_faults(wanted->sa_mask);
    }
    if (!is_kept && libc().sigaction(signal, &ours, nullptr) != 0) return -1;
    action.mask = bits;
    action.flags = wanted->sa_flags;
    action.handler = handler;
    action.is_known = true;
  }
  if (before != nullptr) *before = now;
  return 0;
}

Handler set_handler(int signal, Handler handler, int flags) {
  struct sigaction wanted = {}, before;
  wanted.sa_handler = handler;
  wanted.sa_flags = flags;
  if (set_action(signal, &wanted, &before) != 0) return SIG_ERR;
  return before.sa_handler;
}

int set_mask(int how, const sigset_t* set, sigset_t* before,
             int (*const with)(int, const sigset_t*, sigset_t*)) {
  if (set == nullptr || how == SIG_UNBLOCK || this_thread.inside != 0)
    return with(how, set, before);
  const sigset_t same = without_faults(*set);
  return with(how, &same, before);
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

int sigaction(int signal, const struct sigaction* wanted, struct sigaction* before) __THROW {
  return set_action(signal, wanted, before);
}
int __sigaction(int signal, const struct sigaction* wanted, struct sigaction* before) {
  return set_action(signal, wanted, before);
}

Handler signal(int number, Handler handler) __THROW {
  return set_handler(number, handler, SA_RESTART);
}
Handler bsd_signal(int number, Handler handler) {
  return set_handler(number, handler, SA_RESTART);
}
Handler ssignal(int number, Handler handler) __THROW {
  return set_handler(number, handler, SA_RESTART);
}
Handler sysv_signal(int number, Handler handler) __THROW {
  return set_handler(number, handler, static_cast<int>(SA_RESETHAND) | SA_NODEFER);
}
Handler __sysv_signal(int number, Handler handler) __THROW {
  return sysv_signal(number, handler);
}

int sigprocmask(int how, const sigset_t* set, sigset_t* before) __THROW {
  return set_mask(how, set, before, libc().sigprocmask);
}
int pthread_sigmask(int how, const sigset_t* set, sigset_t* before) __THROW {
  return set_mask(how, set, before, libc().pthread_sigmask);
}
}
