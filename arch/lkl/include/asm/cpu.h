/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_CPU_H
#define _ASM_LKL_CPU_H

#include <linux/compiler.h>

/*
 * The virtual CPU as seen from kernel code; the protocol is in kernel/host_side.c.
 * Nearly all of the kernel includes this: no more types than it needs.
 */

struct lkl_host_calls;
struct lkl_host_thread;

extern const struct lkl_host_calls *lkl_host;

/*
 * The word. One bit says that a host thread is the CPU. The others are what waits to be
 * done; it is only released when nothing waits, or when somebody has been told.
 */
#define LKL_CPU_HELD		1ULL
#define LKL_CPU_ENTER		2ULL	/* the enter list is not empty */
#define LKL_CPU_TIMER		4ULL	/* the next event is due */
#define LKL_CPU_RESUME		8ULL	/* kernel code was left in mid-course (never while HELD) */
#define LKL_CPU_HOLD		16ULL	/* a thread that is to fork wants the word itself */
#define LKL_CPU_IRQ_SHIFT	8
#define LKL_CPU_IRQ(n)		(1ULL << (LKL_CPU_IRQ_SHIFT + (n)))

/* What is an interrupt to running kernel code. */
#define LKL_CPU_INTERRUPTS	(LKL_CPU_ENTER | LKL_CPU_TIMER | ~(LKL_CPU_IRQ(0) - 1))

/* Nobody limits the time, no timer is set. */
#define LKL_NO_TIME_LIMIT	(~0ULL)

/* How the virtual CPU is left when no host thread holds it. */
enum lkl_cpu_mode {
	LKL_MODE_KERNEL,	/* in kernel code at .sp: idle, or in mid-course */
	LKL_MODE_USER,		/* .user's task is current, its kernel stack empty */
	LKL_MODE_DEAD,		/* halted: nobody enters again, the word stays held */
};

/* What a host thread has to see to when it leaves the CPU. */
#define LKL_LEAVE_HAND_OVER	1	/* in mid-course: somebody else goes on */
#define LKL_LEAVE_IO		2	/* the host has kept I/O for this thread */

/* One virtual CPU. All but the first line belongs to the holder of the word. */
struct lkl_cpu {
	unsigned long long word;
	struct lkl_host_thread *enter_list;	/* lock-free, last in first */
	unsigned long long minder_deadline;	/* somebody looks at next_event by then; 0: now */
	struct lkl_host_thread *sleeper;	/* waits for its call, and is free to be the CPU */
	struct lkl_host_thread *spinner;	/* waiting thread that spins just now */
	unsigned long long pad[3];

	unsigned long long next_event;	/* CLOCK_MONOTONIC ns; written by the holder */
	unsigned long long sp;		/* suspended context (LKL_MODE_KERNEL) */
	struct lkl_host_thread *runner;
	struct lkl_host_thread *user;	/* LKL_MODE_USER: whose task is current */
	unsigned long long user_since;	/* cycles: when .user became that */
	int mode;
	int irqs_off;
	int in_user;		/* LKL_MODE_USER is being interrupted */
	int leave;		/* LKL_LEAVE_* */
	unsigned long long clock;	/* last reading of sched_clock() */
	unsigned long long serve_until;	/* the runner's own call is done: it leaves then */
	unsigned long long activity;	/* counts timer programming */
	unsigned long long switches;
	unsigned long long hand_overs;
};

extern struct lkl_cpu lkl_cpu;

void lkl_cpu_do_pending(void);
void lkl_cpu_leave(void);
void lkl_cpu_limit_reached(void);

static __always_inline bool lkl_cpu_pending(void)
{
	return READ_ONCE(lkl_cpu.word) & ~LKL_CPU_HELD;
}

/*
 * A host thread whose own call is done serves other tasks for a while. When the
 * while is over it leaves the CPU in the middle of whatever it is, for the
 * executor to go on with.
 */
static __always_inline bool lkl_cpu_limit_is_reached(void)
{
	return lkl_cpu.clock > lkl_cpu.serve_until;
}

/* In each task switch: a load, a compare, a count. */
static __always_inline void lkl_cpu_switched(void)
{
	lkl_cpu.switches++;
	if (unlikely(lkl_cpu_limit_is_reached()))
		lkl_cpu_limit_reached();
}

#endif
