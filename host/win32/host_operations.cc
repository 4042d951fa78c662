// SPDX-License-Identifier: GPL-2.0
// lkl_host_ops, the default of struct lkl_host_operations: what this host has to offer to
// applications. Nothing of it is used by the kernel, whose host is host.h.
#include <windows.h>

#include <memory>
#include <new>

#include "host.h"
#include "lkl_host.h"
#include "posix/pthread_operations.h"

struct lkl_sem {
  HANDLE semaphore;
};

using namespace lkl::host::operations;

namespace {

// ---- semaphores ----

lkl_sem* sem_alloc(int count) {
  auto sem = allocate<lkl_sem>();
  if (!sem || count < 0) return nullptr;
  sem->semaphore = CreateSemaphoreW(nullptr, count, LONG_MAX, nullptr);
  return sem->semaphore ? sem.release() : nullptr;
}

void sem_free(lkl_sem* sem) {
  if (!sem) return;
  CloseHandle(sem->semaphore);
  delete sem;
}

void sem_up(lkl_sem* sem) {
  ReleaseSemaphore(sem->semaphore, 1, nullptr);
}

void sem_down(lkl_sem* sem) {
  WaitForSingleObject(sem->semaphore, INFINITE);
}

// ---- threads ----

void* thread_stack(lkl_ulong* size) {
  ULONG_PTR low = 0, high = 0;
  GetCurrentThreadStackLimits(&low, &high);
  if (size) *size = high - low;
  return reinterpret_cast<void*>(low);
}

lkl_long get_tid() {
  return GetCurrentThreadId();
}

// ---- memory ----

void* page_alloc(lkl_ulong size) {
  return VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void page_free(void* addr, lkl_ulong) {
  VirtualFree(addr, 0, MEM_RELEASE);
}

// ---- time ----

// By a timer of the host's pool of threads.
struct Timer {
  PTP_TIMER handle;
  void (*body)(void*);
  void* argument;
};

void CALLBACK timer_expires(PTP_CALLBACK_INSTANCE, void* raw, PTP_TIMER) {
  // as it is now: the callback may free the timer
  const Timer timer = *static_cast<Timer*>(raw);
  timer.body(timer.argument);
}

void* timer_alloc(void (*fn)(void*), void* arg) {
  auto timer = allocate<Timer>();
  if (!timer) return nullptr;
  *timer = {.handle = nullptr, .body = fn, .argument = arg};
  timer->handle = CreateThreadpoolTimer(timer_expires, timer.get(), nullptr);
  return timer->handle ? timer.release() : nullptr;
}

int timer_set_oneshot(void* raw, lkl_ulong delta) {
  ULARGE_INTEGER when;
  when.QuadPart = 0 - (delta + 99) / 100;
  FILETIME time = {.dwLowDateTime = when.LowPart, .dwHighDateTime = when.HighPart};
  SetThreadpoolTimer(static_cast<Timer*>(raw)->handle, &time, 0, 0);
  return 0;
}

// A call that has not begun is called off. One that has may be going on, perhaps in what calls
// this: its timer is freed by the host when it is through, its record here is of no use to it any
// more.
void timer_free(void* raw) {
  if (!raw) return;
  const std::unique_ptr<Timer> timer(static_cast<Timer*>(raw));
  SetThreadpoolTimer(timer->handle, nullptr, 0, 0);
  CloseThreadpoolTimer(timer->handle);
}

// ---- jumps: by the compiler's own, which unwind nothing ----

void jmp_buf_set(lkl_jmp_buf* jmpb, void (*f)()) {
  if (!__builtin_setjmp(reinterpret_cast<void**>(jmpb->buf))) f();
}

void jmp_buf_longjmp(lkl_jmp_buf* jmpb, int) {
  __builtin_longjmp(reinterpret_cast<void**>(jmpb->buf), 1);
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
