/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_THREAD_INFO_H
#define _ASM_LKL_THREAD_INFO_H

#include <linux/const.h>

#if defined(CONFIG_PROVE_LOCKING) || defined(CONFIG_KASAN)
#define THREAD_SIZE_ORDER	4	/* lockdep goes deep, KASAN needs room around variables */
#else
#define THREAD_SIZE_ORDER	3
#endif
#define THREAD_SHIFT		(12 + THREAD_SIZE_ORDER)
#define THREAD_SIZE		(_AC(1, UL) << THREAD_SHIFT)

/* Bytes at the very top of a kernel stack that are no stack: get_current() */
#define LKL_STACK_TOP_RESERVE	64

#ifndef __ASSEMBLY__

/* Plain C types only: kernel/locking/mutex.c comes here before u32 exists. */
struct thread_info {
	unsigned long flags;
	unsigned long syscall_work;
	int preempt_count;
	unsigned int cpu;
};

#define INIT_THREAD_INFO(tsk)				\
{							\
	.flags		= 0,				\
	.preempt_count	= INIT_PREEMPT_COUNT,		\
}

#endif /* __ASSEMBLY__ */

#define TIF_SYSCALL_TRACE	0
#define TIF_NOTIFY_RESUME	1
#define TIF_SIGPENDING		2
#define TIF_NEED_RESCHED	3
#define TIF_NOTIFY_SIGNAL	4
#define TIF_MEMDIE		5
#define TIF_RESTORE_SIGMASK	6
#define TIF_SYSCALL_TRACEPOINT	7
#define TIF_SYSCALL_AUDIT	8

#define _TIF_NOTIFY_RESUME	(1 << TIF_NOTIFY_RESUME)
#define _TIF_SIGPENDING		(1 << TIF_SIGPENDING)
#define _TIF_NEED_RESCHED	(1 << TIF_NEED_RESCHED)
#define _TIF_NOTIFY_SIGNAL	(1 << TIF_NOTIFY_SIGNAL)
#define _TIF_SYSCALL_TRACEPOINT	(1 << TIF_SYSCALL_TRACEPOINT)
#define _TIF_SYSCALL_AUDIT	(1 << TIF_SYSCALL_AUDIT)

/* Somebody watches its calls. */
#define _TIF_SYSCALL_WATCHED (_TIF_SYSCALL_TRACEPOINT | _TIF_SYSCALL_AUDIT)

/* Work to do before a task returns to its application thread. */
#define _TIF_USER_WORK (_TIF_NOTIFY_RESUME | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)

#endif
