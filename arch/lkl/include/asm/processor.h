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

#ifdef CONFIG_MMU
/*
 * User pointers are host pointers, wherever they point to. What the kernel maps for the
 * application is in a window.
 */
extern unsigned long lkl_user_start, lkl_user_end;

#define TASK_SIZE		(1UL << 47)
#define TASK_UNMAPPED_BASE	lkl_user_start
#define STACK_TOP		lkl_user_end
#define STACK_TOP_MAX		lkl_user_end
#define arch_get_mmap_end(address, size, flags)	lkl_user_end
#else
#define TASK_SIZE		(~0UL)
#define TASK_UNMAPPED_BASE	0
#define STACK_TOP		TASK_SIZE
#define STACK_TOP_MAX		TASK_SIZE
#endif

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
