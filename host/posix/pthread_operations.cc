// SPDX-License-Identifier: GPL-2.0
#include "posix/pthread_operations.h"

#include <pthread.h>

#include <cstdlib>
#include <cstring>

#include "host.h"

struct lkl_mutex {
  pthread_mutex_t mutex;
};

struct lkl_tls_key {
  pthread_key_t key;
};

namespace lkl::host::operations {

void print(const char* text, int length) {
  lkl::host::print(text, static_cast<size_t>(length));
}

// ---- mutexes ----

lkl_mutex* mutex_alloc(int recursive) {
  auto mutex = allocate<lkl_mutex>();
  if (!mutex) return nullptr;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (recursive) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(&mutex->mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return error ? nullptr : mutex.release();
}

void mutex_free(lkl_mutex* mutex) {
  if (!mutex) return;
  pthread_mutex_destroy(&mutex->mutex);
  delete mutex;
}

void mutex_lock(lkl_mutex* mutex) {
  pthread_mutex_lock(&mutex->mutex);
}

void mutex_unlock(lkl_mutex* mutex) {
  pthread_mutex_unlock(&mutex->mutex);
}

// ---- threads ----

namespace {

struct Start {
  void (*body)(void*);
  void* argument;
};

// Not noexcept: pthread_exit() unwinds through it.
void* thread_main(void* raw) {
  const Start start = *std::unique_ptr<Start>(static_cast<Start*>(raw));
  start.body(start.argument);
  return nullptr;
}

}  // namespace

static_assert(sizeof(lkl_thread_t) >= sizeof(pthread_t));

lkl_thread_t thread_create(void (*f)(void*), void* arg) {
  auto start = allocate<Start>();
  if (!start) return 0;
  *start = {.body = f, .argument = arg};
  pthread_t thread;
  if (pthread_create(&thread, nullptr, thread_main, start.get())) return 0;
  (void)start.release();
  return thread;
}

void thread_detach() {
  pthread_detach(pthread_self());
}

void thread_exit() {
  pthread_exit(nullptr);
}

int thread_join(lkl_thread_t tid) {
  return pthread_join(tid, nullptr) ? -1 : 0;
}

lkl_thread_t thread_self() {
  return pthread_self();
}

int thread_equal(lkl_thread_t a, lkl_thread_t b) {
  return pthread_equal(a, b);
}

// ---- data of a thread ----

lkl_tls_key* tls_alloc(void (*destructor)(void*)) {
  auto key = allocate<lkl_tls_key>();
  if (!key || pthread_key_create(&key->key, destructor)) return nullptr;
  return key.release();
}

void tls_free(lkl_tls_key* key) {
  if (!key) return;
  pthread_key_delete(key->key);
  delete key;
}

int tls_set(lkl_tls_key* key, void* data) {
  return pthread_setspecific(key->key, data);
}

void* tls_get(lkl_tls_key* key) {
  return pthread_getspecific(key->key);
}

// ---- memory, time ----

void* mem_alloc(lkl_ulong size) {
  return std::malloc(size);
}

void mem_free(void* memory) {
  std::free(memory);
}

void* copy(void* dest, const void* src, lkl_ulong count) {
  return std::memcpy(dest, src, count);
}

void* set(void* memory, int byte, lkl_ulong count) {
  return std::memset(memory, byte, count);
}

void* move(void* dest, const void* src, lkl_ulong count) {
  return std::memmove(dest, src, count);
}

unsigned long long monotonic_time() {
  return lkl::host::monotonic_ns();
}

}  // namespace lkl::host::operations
