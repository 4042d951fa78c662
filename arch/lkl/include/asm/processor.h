/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_PROCESSOR_H
#define _ASM_LKL_PROCESSOR_H

#include <asm/current.h>

struct task_struct;
struct pt_regs;
struct lkl_host_thread;

struct thread_struct {
	/* stack pointer of a task that is switched out */
	unsigned long sp;
	/* the application thread this task belongs to, NULL for kernel threads */
	struct lkl_host_thread *host_thread;
};

#define INIT_THREAD { .sp = 0 }

/* Polling loops must see time and interrupts move: nobody interrupts us. */
void lkl_cpu_relax(void);
#define cpu_relax() lkl_cpu_relax()

#define TASK_SIZE		(~0UL)
#define TASK_UNMAPPED_BASE	0
#define STACK_TOP		TASK_SIZE
#define STACK_TOP_MAX		TASK_SIZE

#define task_pt_regs(tsk) \
	((struct pt_regs *)((unsigned long)task_stack_page(tsk) + THREAD_SIZE - \
			    LKL_STACK_TOP_RESERVE + sizeof(void *)))
#define KSTK_EIP(tsk)		0
#define KSTK_ESP(tsk)		0

static inline unsigned long __get_wchan(struct task_struct *p)
{
	return 0;
}

static inline void flush_thread(void)
{
}

static inline void start_thread(struct pt_regs *regs, unsigned long pc, unsigned long sp)
{
}

#endif
