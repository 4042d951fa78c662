/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_HOST_OPS_H
#define _UAPI_ASM_LKL_HOST_OPS_H

/*
 * The seam between the kernel (arch/lkl) and the host library (host/): all that
 * either may know of the other. No kernel header and no host header is needed
 * here, and types have the same size on every host (LP64 inside, whatever the
 * host's own model).
 *
 * Words:
 *   application thread  a host thread that calls into the kernel
 *   executor            a host thread of the library: the CPU of last resort, for what
 *                       is to be done when no application thread is inside
 *   minder              whoever waits for I/O and for the next timer at the moment: a
 *                       thread of the library that never is the CPU, or an
 *                       application thread that waits for the end of its call
 *   runner              the host thread that is the virtual CPU at the moment
 */

typedef unsigned long long lkl_u64;
typedef long long lkl_s64;
typedef unsigned int lkl_u32;

/* On a host with another calling convention (Windows) both directions say so. */
#if defined(_WIN32)
#define LKL_ABI __attribute__((sysv_abi))
#else
#define LKL_ABI
#endif

#define LKL_NO_DEADLINE	(~0ULL)

/*
 * Who minds the clock looks again at the latest after this time while there is activity: no
 * timer that is set meanwhile is later than that, and no thread has to be woken for each.
 */
#define LKL_GUARD_NS	500000ULL

#define LKL_NR_IRQS	56

/* Whom lkl_kernel_attend() has woken. */
#define LKL_ATTEND_NOBODY	0
#define LKL_ATTEND_SLEEPER	1	/* a thread that waits for its call */
#define LKL_ATTEND_EXECUTOR	2

/* Registers of devices are at these addresses, where no memory can be. */
#define LKL_MMIO_BASE		0x4c4b4c0000000ULL
#define LKL_MMIO_WINDOW		0x1000ULL	/* for each irq */
#define LKL_MMIO_SIZE		(LKL_NR_IRQS * LKL_MMIO_WINDOW)

/*
 * The state of a record: where its request is, and flags. Its thread posts, by a
 * compare-and-swap, or plainly if it holds the CPU; all else is the holder's.
 */
#define LKL_REQ_IDLE		0u
#define LKL_REQ_POSTED		1u
#define LKL_REQ_RUNNING		2u
#define LKL_REQ_DONE		3u
#define LKL_REQ_PHASE		3u	/* mask of these */
#define LKL_REQ_QUEUED		4u	/* on the enter list */
#define LKL_REQ_SPAWNING	8u	/* on the list of tasks to make */
#define LKL_REQ_ORPHAN		16u	/* the host thread did not survive a fork */

/* Request numbers beyond the system call table, for the host library only. */
#define LKL_NR_PRIVATE			4096
#define LKL_NR_MMIO_DEVICE_ADD		(LKL_NR_PRIVATE + 0)	/* (base, size, irq) */
#define LKL_NR_MMIO_DEVICE_REMOVE	(LKL_NR_PRIVATE + 1)	/* (irq) */
#define LKL_NR_THREAD_EXIT		(LKL_NR_PRIVATE + 2)	/* the host thread ends */
#define LKL_NR_SIGRETURN		(LKL_NR_PRIVATE + 3)	/* (signal mask) */
#define LKL_NR_FUZZ_COUNTERS		(LKL_NR_PRIVATE + 4)	/* (bytes, number of them) */
#define LKL_NR_SEED			(LKL_NR_PRIVATE + 5)	/* (bytes, number of them) */
#define LKL_NR_HALT			(LKL_NR_PRIVATE + 6)	/* whoever asks */
#define LKL_NR_PAGE_FAULT		(LKL_NR_PRIVATE + 7)	/* host_memory.h */

/*
 * One for each host thread that has called in. Type-stable: its memory is used again for other
 * threads but never freed, since a waker may look at it once more after the thread has gone
 * on. Not used again while queued: a request may be through before its entry is seen.
 */
struct lkl_host_thread {
	lkl_u64 host_sp;	/* its own stack while it is the CPU (asm: first) */
	lkl_u64 stack_top;	/* top of its task's kernel stack */
	lkl_s64 nr;
	lkl_u64 args[6];
	lkl_s64 ret;
	lkl_u32 state;		/* LKL_REQ_* */
	lkl_u32 streak;		/* calls since the last one that had to wait in the kernel */
	int inside;		/* in a call: its thread's and its signal handlers' own */
	int retired;		/* its kernel is no more: no entry */
	int kept_io;		/* the host has kept I/O of this call for this thread to do */
	lkl_u32 spin;		/* adaptive spin before sleeping */
	void *task;		/* its task, NULL until the first call is through */
	struct lkl_host_thread *next;		/* enter list */
	struct lkl_host_thread *next_spawn;	/* list of tasks to make */

	/*
	 * A signal handler to be run by this thread when its call is through. The kernel
	 * writes the pointer last, the thread clears it last: nothing here changes between.
	 */
	LKL_ABI void (*sig_handler)(int sig, void *info, void *context);
	int sig_number;
	int sig_restart;	/* SA_RESTART */
	int sig_active;		/* until its LKL_NR_SIGRETURN: one at a time */
	int again;		/* run the handler, then make the same call once more */
	lkl_u64 sig_mask;	/* to be restored after it */
	lkl_u64 sig_info[16];	/* siginfo_t */
};

/*
 * What the kernel asks of the host. Every function may be called on a kernel
 * stack (a few KiB are left) with the virtual CPU held, so none may block on
 * another host thread that needs the CPU, unless it says so. None may call back into
 * the kernel, but for lkl_kernel_raise(). The first argument is .instance, always.
 */
struct lkl_host_calls {
	/* Which kernel it is that calls. */
	void *instance;
	/* Console output; not terminated by 0. */
	LKL_ABI void (*print)(void *instance, const char *text, int len);
	/* The kernel has panicked and can't go on. If it returns, every call ends with -ESHUTDOWN. */
	LKL_ABI void (*panic)(void *instance);
	/* The kernel has halted: every thread that waits must be woken. */
	LKL_ABI void (*halted)(void *instance);
	/* Zeroed memory, untouched pages cost nothing; align is a power of 2. NULL on failure. */
	LKL_ABI void *(*mem_alloc)(void *instance, lkl_u64 size, lkl_u64 align);
	/* The content of these pages is no longer needed; they read as anything. */
	LKL_ABI void (*mem_discard)(void *instance, void *base, lkl_u64 size);
	/* The kernel's memory, told once so that devices can check addresses. */
	LKL_ABI void (*mem_register)(void *instance, void *base, lkl_u64 phys, lkl_u64 size);
	/* CLOCK_MONOTONIC and CLOCK_REALTIME in ns. */
	LKL_ABI lkl_u64 (*time)(void *instance);
	LKL_ABI lkl_u64 (*realtime)(void *instance);
	/*
	 * On host stacks, the CPU not held: sleep until wake(), or until there is something
	 * to look at. Minds I/O and the clock meanwhile if nobody else does.
	 */
	LKL_ABI void (*wait)(void *instance, struct lkl_host_thread *self);
	LKL_ABI void (*wake)(void *instance, struct lkl_host_thread *thread);
	/* The same: sleep so long. */
	LKL_ABI void (*nap)(void *instance, lkl_u64 ns);
	/* The same: do now the I/O that was kept for this thread (mmio_write). */
	LKL_ABI void (*kept_io_do)(void *instance, struct lkl_host_thread *self);
	/* Others do it: this thread does not wait for it. Any stack. */
	LKL_ABI void (*kept_io_pass_on)(void *instance, struct lkl_host_thread *self);
	/* The executor: sleep until executor_kick(), which is not lost. */
	LKL_ABI void (*executor_wait)(void *instance);
	LKL_ABI void (*executor_kick)(void *instance);
	/* The next event is due before the minder would look: it has to look now. */
	LKL_ABI void (*mind)(void *instance);
	/* lkl_kernel_hold() sleeps until granted(), which is not lost, or halted(). */
	LKL_ABI void (*hold_wait)(void *instance);
	LKL_ABI void (*granted)(void *instance);
	/*
	 * Device registers. I/O that a write starts may be kept for `waiter` (in its kept_io),
	 * a thread whose call has asked for it: to wait for it and to do it are one for that.
	 */
	LKL_ABI lkl_u64 (*mmio_read)(void *instance, lkl_u64 addr, unsigned int size);
	LKL_ABI void (*mmio_write)(void *instance, lkl_u64 addr, lkl_u64 value, unsigned int size,
				   struct lkl_host_thread *waiter);
	/* A kernel stack is put into use or out of it: guard page, valgrind, ASan. */
	LKL_ABI void (*stack_on)(void *instance, void *base, lkl_u64 size);
	LKL_ABI void (*stack_off)(void *instance, void *base, lkl_u64 size);
	/* Several processors: waiting for another thread in a loop makes sense. */
	int may_spin;
	/* Cycle counter of the processor ticks at one rate on all of its cores. */
	int cycles_are_stable;
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the host asks of the kernel. All run on the caller's own host stack, from any
 * thread, unless they say otherwise.
 */

/* Before anything else; what it points to stays until the next boot. */
LKL_ABI void lkl_kernel_setup(const struct lkl_host_calls *calls);
/*
 * Boots on the calling thread; returns when the first task is in user mode. 0, or -ENOMEM
 * if the host has not the memory, or -ESHUTDOWN after a panic.
 */
LKL_ABI int lkl_kernel_boot(struct lkl_host_thread *self, const char *command_line);
/*
 * Executes the request in self->nr and args, which the caller has claimed by self->inside;
 * one call at a time for each record. The result is in self->ret.
 */
LKL_ABI void lkl_kernel_syscall(struct lkl_host_thread *self);
/* One turn of the executor: waits, then serves what is due. 0 when the kernel is dead. */
LKL_ABI int lkl_kernel_execute(struct lkl_host_thread *self);
/*
 * Raises a virtual irq; also with the CPU held. If the CPU is free somebody has to come:
 * who has raised what there was calls lkl_kernel_attend(), unless it is a thread that
 * looks itself, since it waits for a call.
 */
LKL_ABI void lkl_kernel_raise(unsigned int irq);
LKL_ABI int lkl_kernel_attend(void);		/* LKL_ATTEND_* */
/*
 * The minder, one thread at a time: mind() before it sleeps gives until when
 * (CLOCK_MONOTONIC ns), minded() after it. By `until` another one minds.
 */
LKL_ABI lkl_u64 lkl_kernel_mind(void);
LKL_ABI void lkl_kernel_minded(lkl_u64 until);
LKL_ABI int lkl_kernel_is_dead(void);
/* In a child whose copy of the kernel can't go on: from here on it is dead. */
LKL_ABI void lkl_kernel_kill(void);
/* Where to go on after a fault at pc; 0 if the kernel did not expect it. */
LKL_ABI lkl_u64 lkl_kernel_fixup(lkl_u64 pc);
/*
 * The same for a fault that the kernel did not expect: where it reports it. To be
 * called by the faulting instruction, so to speak, with the bad address as its
 * argument. 0 if sp is no stack of the kernel's, or too little is left of it.
 */
LKL_ABI lkl_u64 lkl_kernel_oops(lkl_u64 sp);
/* 1 if pc is kernel code. */
LKL_ABI int lkl_kernel_owns(lkl_u64 pc);
/*
 * fork() of the host: hold() waits for the CPU and keeps it, 0 if the kernel is dead;
 * unhold() lets it go. One thread at a time. In the child, orphan() marks a thread that is
 * no more, before unhold(): its task will end.
 */
LKL_ABI int lkl_kernel_hold(void);
LKL_ABI void lkl_kernel_orphan(struct lkl_host_thread *gone);
LKL_ABI void lkl_kernel_unhold(void);

/*
 * Coverage, where the kernel is built to count it; any time, any stack. One object after
 * another, NULL after the last; an object's data file as the compiler has named it, and
 * what belongs into it (data NULL: its size). What runs meanwhile is counted or not.
 */
LKL_ABI int lkl_kernel_coverage_built(void);
LKL_ABI void *lkl_kernel_coverage_next(void *object);
LKL_ABI const char *lkl_kernel_coverage_file(void *object);
LKL_ABI lkl_u64 lkl_kernel_coverage_data(void *object, void *data);
LKL_ABI void lkl_kernel_coverage_reset(void);

/* Bounds of what must be reset before the kernel can boot again. */
extern char lkl_kernel_data_start[], lkl_kernel_data_end[];
extern char lkl_kernel_bss_start[], lkl_kernel_bss_end[];

/*
 * Zeroed memory that must be at this place before any function of the kernel is called
 * (and zeroed again before the next boot), since what the compiler has put into them
 * looks at it: the shadow of KASAN. Most of it is never touched. Size 0: none.
 */
extern const lkl_u64 lkl_kernel_shadow_base, lkl_kernel_shadow_size;

#ifdef __cplusplus
}
#endif

#endif
