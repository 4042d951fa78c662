/* SPDX-License-Identifier: GPL-2.0 */
/* The primitives for an lvalue of 1 to 8 bytes, an integer or a pointer (no reference). */
#ifndef LKL_TESTS_MODEL_WORDS_H
#define LKL_TESTS_MODEL_WORDS_H

#include "primitives.h"

/*
 * Every point ends with model_wipe(): what a call has left below the stack pointer of its
 * caller would turn up in gaps of later frames, and make equal states look different.
 */
#define MODEL_VALUE(x, call)        \
  __extension__({                   \
    const uint64_t value_ = (call); \
    model_wipe();                   \
    (__typeof__(x))value_;          \
  })

#define MODEL_PEEK(x) ((uint64_t)model_peek(&(x), sizeof(x)))
#define MODEL_LOAD(x) MODEL_VALUE(x, model_load(&(x), sizeof(x), #x))
#define MODEL_STORE_AS(order, x, v) \
  (model_store(&(x), sizeof(x), (uint64_t)(v), (order), #x), model_wipe())
#define MODEL_STORE(x, v) MODEL_STORE_AS(MODEL_SEQ_CST, x, v)
#define MODEL_STORE_RELEASE(x, v) MODEL_STORE_AS(MODEL_RELEASE, x, v)
#define MODEL_STORE_RELAXED(x, v) MODEL_STORE_AS(MODEL_RELAXED, x, v)
#define MODEL_CAS(x, from, to) \
  MODEL_VALUE(bool, model_cas(&(x), sizeof(x), (uint64_t)(from), (uint64_t)(to), #x))
/* The value before, which may be of no interest. */
#define MODEL_CHANGE(change, x, v) \
  MODEL_VALUE(x, model_##change(&(x), sizeof(x), (uint64_t)(v), #x))
#define MODEL_XCHG(x, v) MODEL_CHANGE(xchg, x, v)
#define MODEL_FETCH_OR(x, v) MODEL_CHANGE(fetch_or, x, v)
#define MODEL_FETCH_AND(x, v) MODEL_CHANGE(fetch_and, x, v)
#define MODEL_FETCH_ADD(x, v) MODEL_CHANGE(fetch_add, x, v)

#endif
