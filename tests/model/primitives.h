/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What checked code, C or C++, calls instead of the processor's atomics. Each of
 * these is a point where another thread may run before the operation is done; see
 * checker.h. Outside of a search they are plain accesses.
 */
#ifndef LKL_TESTS_MODEL_PRIMITIVES_H
#define LKL_TESTS_MODEL_PRIMITIVES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Loads of all orders are the same here: only stores are late. */
enum model_order { MODEL_RELAXED, MODEL_ACQUIRE, MODEL_RELEASE, MODEL_SEQ_CST };

/* The name is what the listing of a failure shows. size: 1, 2, 4 or 8. */
uint64_t model_load(const volatile void* p, unsigned size, const char* name);
void model_store(volatile void* p, unsigned size, uint64_t value, enum model_order order,
                 const char* name);
bool model_cas(volatile void* p, unsigned size, uint64_t expected, uint64_t desired,
               const char* name);
/* All of these return the value before. */
uint64_t model_xchg(volatile void* p, unsigned size, uint64_t value, const char* name);
uint64_t model_fetch_or(volatile void* p, unsigned size, uint64_t bits, const char* name);
uint64_t model_fetch_and(volatile void* p, unsigned size, uint64_t bits, const char* name);
uint64_t model_fetch_add(volatile void* p, unsigned size, uint64_t value, const char* name);
/*
 * What the thread itself sees there, without a point: for what nobody else changes at the
 * moment. A plain access does not see a store of its own that is late.
 */
uint64_t model_peek(const volatile void* p, unsigned size);
/* A full fence. */
void model_fence(void);

/*
 * Any number below n, each is tried: what the environment decides. Between this and the
 * next primitive nothing may be touched that another thread may touch at that moment.
 */
unsigned model_choose(unsigned n, const char* name);
/* Sleeps until ready(arg); it is asked by the checker and may only look. */
void model_block_until(bool (*ready)(const void* arg), const void* arg, const char* name);
/* Another thread (or a signal handler of this one) may run here; nothing else happens. */
void model_point(const char* name);

/* Zeroes what is left of calls below the caller's stack pointer; words.h has it in its macros. */
void model_wipe(void);

/* Ends the search: the way here is a failure. */
void model_fail(const char* text);
/* A word in the listing, if there will be one. */
void model_note(const char* text, uint64_t value);
/* The number of the running thread, in the order of Checker::thread(). */
unsigned model_self(void);

#ifdef __cplusplus
}
#endif

#define MODEL_TEXT2(x) #x
#define MODEL_TEXT(x) MODEL_TEXT2(x)
#define model_require(condition)                                                               \
  do {                                                                                         \
    if (!(condition)) model_fail(__FILE__ ":" MODEL_TEXT(__LINE__) ": not true: " #condition); \
  } while (0)

#endif
