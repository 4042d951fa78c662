// SPDX-License-Identifier: GPL-2.0
// lkl_host_ops, the default of struct lkl_host_operations: what this host has to offer to
// applications. Nothing of it is used by the kernel, whose host is host.h.
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "host.h"
#include "lkl_host.h"
#include "posix/pthread_operations.h"

struct lkl_sem {
  sem_t semaphore;
};

using namespace lkl::host::operations;

namespace {

// ---- semaphores ----

lkl_sem* sem_alloc(int count) {
  auto sem = allocate<lkl_sem>();
  if (!sem || count < 0 || sem_init(&sem->semaphore, 0, static_cast<unsigned>(count)))
    return nullptr;
  return sem.release();
}

void sem_free(lkl_sem* sem) {
  if (!sem) return;
  sem_destroy(&sem->semaphore);
  delete sem;
}

void sem_up(lkl_sem* sem) {
  sem_post(&sem->semaphore);
}

void sem_down(lkl_sem* sem) {
  while (sem_wait(&sem->semaphore) && errno == EINTR) {
  }
}

// ---- threads ----

void* thread_stack(lkl_ulong* size) {
  void* base = nullptr;
  size_t length = 0;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getstack(&attributes, &base, &length);
    pthread_attr_destroy(&attributes);
  }
  if (size) *size = length;
  return base;
}

lkl_long get_tid() {
  return gettid();
}

// ---- memory ----

void* page_alloc(lkl_ulong size) {
  void* const pages =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

void page_free(void* addr, lkl_ulong size) {
  munmap(addr, size);
}

// ---- time ----

// What a timer calls. The host may be about to call it when the timer is freed, so it is
// found by its number, which is never used again.
struct Timer {
  timer_t handle;
  int number;
  void (*body)(void*);
  void* argument;
  Timer* next;
};

constinit std::mutex timers_mutex;
constinit Timer* timers = nullptr;
constinit int last_number = 0;

void timer_expires(sigval value) {
  Timer timer = {};
  {
    const std::lock_guard lock(timers_mutex);
    for (const Timer* t = timers; t; t = t->next)
      if (t->number == value.sival_int) timer = *t;
  }
  if (timer.body) timer.body(timer.argument);
}

void* timer_alloc(void (*fn)(void*), void* arg) {
  auto timer = allocate<Timer>();
  if (!timer) return nullptr;
  const std::lock_guard lock(timers_mutex);
  *timer = {.handle = {}, .number = ++last_number, .body = fn, .argument = arg, .next = timers};
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = timer_expires;
  event.sigev_value.sival_int = timer->number;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer->handle)) return nullptr;
  timers = timer.release();
  return timers;
}

int timer_set_oneshot(void* timer, lkl_ulong delta) {
  constexpr lkl_ulong kSecond = 1'000'000'000;
  // 0 would stop it
  const lkl_ulong ns = delta ? delta : 1;
  itimerspec when = {};
  when.it_value.tv_sec = static_cast<time_t>(ns / kSecond);
  when.it_value.tv_nsec = static_cast<long>(ns % kSecond);
  return timer_settime(static_cast<Timer*>(timer)->handle, 0, &when, nullptr);
}

void timer_free(void* raw) {
  if (!raw) return;
  const std::unique_ptr<Timer> timer(static_cast<Timer*>(raw));
  const std::lock_guard lock(timers_mutex);
  timer_delete(timer->handle);
  for (Timer** link = &timers; *link; link = &(*link)->next) {
    if (*link != timer.get()) continue;
    *link = timer->next;
    break;
  }
}

// ---- jumps ----

static_assert(sizeof(jmp_buf) <= sizeof(lkl_jmp_buf) && alignof(jmp_buf) <= alignof(lkl_jmp_buf));

void jmp_buf_set(lkl_jmp_buf* jmpb, void (*f)()) {
  if (!setjmp(*reinterpret_cast<jmp_buf*>(jmpb->buf))) f();
}

void jmp_buf_longjmp(lkl_jmp_buf* jmpb, int val) {
  longjmp(*reinterpret_cast<jmp_buf*>(jmpb->buf), val);
}

}  // namespace

// Constant: constructors of the application may change it before main().
constinit lkl_host_operations lkl_host_ops = {
    .print = print,
    .panic = nullptr,
    .sem_alloc = sem_alloc,
    .sem_free = sem_free,
    .sem_up = sem_up,
    .sem_down = sem_down,
    .mutex_alloc = mutex_alloc,
    .mutex_free = mutex_free,
    .mutex_lock = mutex_lock,
    .mutex_unlock = mutex_unlock,
    .thread_create = thread_create,
    .thread_detach = thread_detach,
    .thread_exit = thread_exit,
    .thread_join = thread_join,
    .thread_self = thread_self,
    .thread_equal = thread_equal,
    .thread_stack = thread_stack,
    .tls_alloc = tls_alloc,
    .tls_free = tls_free,
    .tls_set = tls_set,
    .tls_get = tls_get,
    .mem_alloc = mem_alloc,
    .mem_free = mem_free,
    .page_alloc = page_alloc,
    .page_free = page_free,
    .time = monotonic_time,
    .timer_alloc = timer_alloc,
    .timer_set_oneshot = timer_set_oneshot,
    .timer_free = timer_free,
    .gettid = get_tid,
    .jmp_buf_set = jmp_buf_set,
    .jmp_buf_longjmp = jmp_buf_longjmp,
    .memcpy = copy,
    .memset = set,
    .memmove = move,
};
