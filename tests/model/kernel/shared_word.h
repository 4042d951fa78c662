/* SPDX-License-Identifier: GPL-2.0 */
/* Included before anything else, it is there instead of arch/lkl/kernel/shared_word.h. */
#define _ARCH_LKL_KERNEL_SHARED_WORD_H

#include "words.h"

#define LKL_LOAD(x) MODEL_LOAD(x)
#define LKL_LOAD_ACQUIRE(x) MODEL_LOAD(x)
#define LKL_LOAD_RELAXED(x) MODEL_LOAD(x)
#define LKL_STORE(x, v) MODEL_STORE(x, v)
#define LKL_STORE_RELEASE(x, v) MODEL_STORE_RELEASE(x, v)
#define LKL_STORE_RELAXED(x, v) MODEL_STORE_RELAXED(x, v)
#define LKL_XCHG(x, v) MODEL_XCHG(x, v)
#define LKL_FETCH_OR(x, v) MODEL_FETCH_OR(x, v)
#define LKL_FETCH_AND(x, v) MODEL_FETCH_AND(x, v)
#define LKL_CAS(x, from, to) MODEL_CAS(x, from, to)
