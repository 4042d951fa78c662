/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_CPU_H
#define _ASM_LKL_CPU_H

#include <linux/compiler.h>
#include <asm/host_ops.h>

/* The virtual CPU as seen from kernel code; the protocol is in kernel/cpu.c. */

extern const struct lkl_host_calls *lkl_host;

void lkl_cpu_do_pending(void);
void lkl_cpu_leave(void);
void __lkl_cpu_hand_over(void);

static __always_inline bool lkl_cpu_pending(void)
{
	return READ_ONCE(lkl_cpu.word) & ~LKL_CPU_HELD;
}

/*
 * A host thread whose own call is done serves other tasks for a while. When the
 * while is over it leaves the CPU in the middle of whatever it is, for the
 * executor to go on with. Costs two loads and a compare in each task switch.
 */
static __always_inline bool lkl_cpu_hand_over_due(void)
{
	const struct lkl_host_thread *runner = lkl_cpu.runner;

	return READ_ONCE(runner->state) == LKL_REQ_DONE && lkl_cpu.clock > runner->serve_until;
}

static __always_inline void lkl_cpu_check_hand_over(void)
{
	lkl_cpu.switches++;
	if (unlikely(lkl_cpu_hand_over_due()))
		__lkl_cpu_hand_over();
}

#endif
