/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ARCH_LKL_KERNEL_SHARED_WORD_H
#define _ARCH_LKL_KERNEL_SHARED_WORD_H

/*
 * Variables that host threads share without holding the virtual CPU. The kernel's own
 * primitives are for one CPU and plain; these are real. tests/model plays the code that
 * uses them through in every order: nothing else may touch such a variable there.
 */

#define LKL_LOAD(x)		__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define LKL_LOAD_ACQUIRE(x)	__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define LKL_LOAD_RELAXED(x)	__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define LKL_STORE(x, v)		__atomic_store_n(&(x), v, __ATOMIC_SEQ_CST)
#define LKL_STORE_RELEASE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#define LKL_STORE_RELAXED(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define LKL_XCHG(x, v)		__atomic_exchange_n(&(x), v, __ATOMIC_SEQ_CST)
#define LKL_FETCH_OR(x, v)	__atomic_fetch_or(&(x), v, __ATOMIC_SEQ_CST)
#define LKL_FETCH_AND(x, v)	__atomic_fetch_and(&(x), v, __ATOMIC_SEQ_CST)
#define LKL_CAS(x, old, new)						\
({									\
	__typeof__(x) __old = (old);					\
									\
	__atomic_compare_exchange_n(&(x), &__old, new, false,		\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
})

#endif
