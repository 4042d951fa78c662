/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_ATOMIC_H
#define _ASM_LKL_ATOMIC_H

#include <linux/types.h>
#include <asm/cmpxchg.h>
#include <asm/barrier.h>

/*
 * Atomic against interrupts is all that one CPU asks for, and virtual
 * interrupts only come where they are enabled: plain arithmetic will do.
 */
#define ATOMIC64_INIT(i)	{ (i) }

#define arch_atomic_read(v)		READ_ONCE((v)->counter)
#define arch_atomic_set(v, i)		WRITE_ONCE((v)->counter, (i))
#define arch_atomic64_read(v)		READ_ONCE((v)->counter)
#define arch_atomic64_set(v, i)		WRITE_ONCE((v)->counter, (i))

#define LKL_ATOMIC_OP(pfx, type, val, name, op)				\
static __always_inline void pfx##_##name(val i, type *v)		\
{									\
	barrier();							\
	v->counter = v->counter op i;					\
	barrier();							\
}									\
static __always_inline val pfx##_fetch_##name(val i, type *v)		\
{									\
	val old;							\
									\
	barrier();							\
	old = v->counter;						\
	v->counter = old op i;						\
	barrier();							\
	return old;							\
}

#define LKL_ATOMIC_OP_RETURN(pfx, type, val, name, op)			\
static __always_inline val pfx##_##name##_return(val i, type *v)	\
{									\
	val new;							\
									\
	barrier();							\
	new = v->counter op i;						\
	v->counter = new;						\
	barrier();							\
	return new;							\
}

#define LKL_ATOMIC_OPS(name, op)					\
	LKL_ATOMIC_OP(arch_atomic, atomic_t, int, name, op)		\
	LKL_ATOMIC_OP(arch_atomic64, atomic64_t, s64, name, op)

LKL_ATOMIC_OPS(add, +)
LKL_ATOMIC_OPS(sub, -)
LKL_ATOMIC_OPS(and, &)
LKL_ATOMIC_OPS(or, |)
LKL_ATOMIC_OPS(xor, ^)

LKL_ATOMIC_OP_RETURN(arch_atomic, atomic_t, int, add, +)
LKL_ATOMIC_OP_RETURN(arch_atomic, atomic_t, int, sub, -)
LKL_ATOMIC_OP_RETURN(arch_atomic64, atomic64_t, s64, add, +)
LKL_ATOMIC_OP_RETURN(arch_atomic64, atomic64_t, s64, sub, -)

#undef LKL_ATOMIC_OPS
#undef LKL_ATOMIC_OP_RETURN
#undef LKL_ATOMIC_OP

/* 6.1 wants these of the architecture, 6.12 makes the same */
#define arch_atomic_xchg(v, new)		arch_xchg(&(v)->counter, (new))
#define arch_atomic_cmpxchg(v, old, new)	arch_cmpxchg(&(v)->counter, (old), (new))
#define arch_atomic64_xchg(v, new)		arch_xchg(&(v)->counter, (new))
#define arch_atomic64_cmpxchg(v, old, new)	arch_cmpxchg(&(v)->counter, (old), (new))

/* tell linux/atomic/atomic-arch-fallback.h what is here */
#define arch_atomic_add_return		arch_atomic_add_return
#define arch_atomic_sub_return		arch_atomic_sub_return
#define arch_atomic_fetch_add		arch_atomic_fetch_add
#define arch_atomic_fetch_sub		arch_atomic_fetch_sub
#define arch_atomic_fetch_and		arch_atomic_fetch_and
#define arch_atomic_fetch_or		arch_atomic_fetch_or
#define arch_atomic_fetch_xor		arch_atomic_fetch_xor
#define arch_atomic64_add_return	arch_atomic64_add_return
#define arch_atomic64_sub_return	arch_atomic64_sub_return
#define arch_atomic64_fetch_add		arch_atomic64_fetch_add
#define arch_atomic64_fetch_sub		arch_atomic64_fetch_sub
#define arch_atomic64_fetch_and		arch_atomic64_fetch_and
#define arch_atomic64_fetch_or		arch_atomic64_fetch_or
#define arch_atomic64_fetch_xor		arch_atomic64_fetch_xor

#endif
