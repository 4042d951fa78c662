// SPDX-License-Identifier: GPL-2.0
// What lkl_host_ops has by POSIX threads and the C library: here and on Windows, where the
// compiler's winpthreads has them.
#pragma once

#include <memory>
#include <new>

#include "lkl_host.h"

namespace lkl::host::operations {

// nullptr instead of an exception: the callers are C.
template <typename T>
std::unique_ptr<T> allocate() {
  return std::unique_ptr<T>(new (std::nothrow) T{});
}

void print(const char* text, int length);
lkl_mutex* mutex_alloc(int recursive);
void mutex_free(lkl_mutex* mutex);
void mutex_lock(lkl_mutex* mutex);
void mutex_unlock(lkl_mutex* mutex);
lkl_thread_t thread_create(void (*f)(void*), void* arg);
void thread_detach();
void thread_exit();
int thread_join(lkl_thread_t tid);
lkl_thread_t thread_self();
int thread_equal(lkl_thread_t a, lkl_thread_t b);
lkl_tls_key* tls_alloc(void (*destructor)(void*));
void tls_free(lkl_tls_key* key);
int tls_set(lkl_tls_key* key, void* data);
void* tls_get(lkl_tls_key* key);
void* mem_alloc(lkl_ulong size);
void mem_free(void* memory);
void* copy(void* dest, const void* src, lkl_ulong count);
void* set(void* memory, int byte, lkl_ulong count);
void* move(void* dest, const void* src, lkl_ulong count);
unsigned long long monotonic_time();

}  // namespace lkl::host::operations
