/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ISA_CPU_H
#define _ISA_CPU_H

#include <linux/types.h>

static __always_inline u64 isa_cycles(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high));
	return low | (u64)high << 32;
}

static __always_inline void isa_pause(void)
{
	asm volatile("pause" ::: "memory");
}

/* the words below a new task's first stack pointer: lkl_task_start() */
static __always_inline unsigned long *isa_new_stack(unsigned long *sp, void (*start)(void),
						    void *fn, void *arg)
{
	*--sp = 0;			/* keeps the call in lkl_task_start() aligned */
	*--sp = 0;
	*--sp = (unsigned long)start;
	*--sp = 0;			/* rbp */
	*--sp = (unsigned long)fn;	/* rbx */
	*--sp = (unsigned long)arg;	/* r12 */
	*--sp = 0;			/* r13 */
	*--sp = 0;			/* r14 */
	*--sp = 0;			/* r15 */
	return sp;
}

#endif
