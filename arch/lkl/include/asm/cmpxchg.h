/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_CMPXCHG_H
#define _ASM_LKL_CMPXCHG_H

#include <linux/compiler.h>

/*
 * The kernel shares no word that it changes this way with another host thread,
 * but the virtual CPU's own (cpu.c uses compiler atomics for it) and futexes
 * (asm/futex.h): no locked instruction is needed.
 */
#define arch_xchg(ptr, new)						\
({									\
	__typeof__(ptr) __p = (ptr);					\
	__typeof__(*(ptr)) __old;					\
									\
	barrier();							\
	__old = *__p;							\
	*__p = (new);							\
	barrier();							\
	__old;								\
})

#define __lkl_cmpxchg(ptr, old, new)					\
({									\
	__typeof__(ptr) __p = (ptr);					\
	__typeof__(*(ptr)) __o = (old);					\
	__typeof__(*(ptr)) __n = (new);					\
	__typeof__(*(ptr)) __c;						\
									\
	barrier();							\
	__c = *__p;							\
	if (__c == __o)							\
		*__p = __n;						\
	barrier();							\
	__c;								\
})

#define arch_cmpxchg(p, o, n)		__lkl_cmpxchg(p, o, n)
#define arch_cmpxchg64(p, o, n)		__lkl_cmpxchg(p, o, n)
#define arch_cmpxchg_local(p, o, n)	__lkl_cmpxchg(p, o, n)
#define arch_cmpxchg64_local(p, o, n)	__lkl_cmpxchg(p, o, n)
#define arch_cmpxchg64_relaxed(p, o, n)	__lkl_cmpxchg(p, o, n)

#endif
