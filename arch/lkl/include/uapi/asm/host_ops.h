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
 *   executor            the one host thread that the library makes itself: it
 *                       serves timers, devices and background work when no
 *                       application thread is inside
 *   runner              the host thread that is the virtual CPU at the moment
 */

typedef unsigned long long lkl_u64;
typedef long long lkl_s64;

/* On a host with another calling convention (Windows) both directions say so. */
#if defined(_WIN32)
#define LKL_ABI __attribute__((sysv_abi))
#else
#define LKL_ABI
#endif

#define LKL_NO_DEADLINE	(~0ULL)

/*
 * The word of the virtual CPU: one bit says that a host thread is the CPU, the
 * others are what waits to be done. It can only be released when nothing waits.
 */
#define LKL_CPU_HELD		1ULL
#define LKL_CPU_ENTER		2ULL	/* the enter list is not empty */
#define LKL_CPU_TIMER		4ULL	/* the next event is due */
#define LKL_CPU_IRQ_SHIFT	8
#define LKL_CPU_IRQ(n)		(1ULL << (LKL_CPU_IRQ_SHIFT + (n)))
#define LKL_NR_IRQS		56

/* Registers of devices are at these addresses, where no memory can be. */
#define LKL_MMIO_BASE		0x4c4b4c0000000ULL
#define LKL_MMIO_WINDOW		0x1000ULL	/* for each irq */
#define LKL_MMIO_SIZE		(LKL_NR_IRQS * LKL_MMIO_WINDOW)

/* The life of a request: the application thread sets POSTED, the CPU the rest. */
enum lkl_request_state {
	LKL_REQ_IDLE,
	LKL_REQ_POSTED,
	LKL_REQ_RUNNING,
	LKL_REQ_DONE,
};

/* Request numbers beyond the system call table, for the host library only. */
#define LKL_NR_PRIVATE			4096
#define LKL_NR_MMIO_DEVICE_ADD		(LKL_NR_PRIVATE + 0)	/* (base, size, irq) */
#define LKL_NR_MMIO_DEVICE_REMOVE	(LKL_NR_PRIVATE + 1)	/* (irq) */
#define LKL_NR_THREAD_EXIT		(LKL_NR_PRIVATE + 2)	/* the host thread ends */
#define LKL_NR_SIGRETURN		(LKL_NR_PRIVATE + 3)	/* (signal mask) */
#define LKL_NR_FUZZ_COUNTERS		(LKL_NR_PRIVATE + 4)	/* (bytes, number of them) */
#define LKL_NR_SEED			(LKL_NR_PRIVATE + 5)	/* (bytes, number of them) */
#define LKL_NR_HALT			(LKL_NR_PRIVATE + 6)	/* whoever asks */

/*
 * One for each host thread that ever called in. Type-stable: used again but not freed while
 * the kernel lives, since a waker may look at it once more after the thread has gone on. Not
 * used again while queued: a request may be through before its entry on the list is seen.
 */
struct lkl_host_thread {
	lkl_u64 host_sp;	/* its own stack while it is the CPU (asm: first) */
	lkl_u64 stack_top;	/* top of its task's kernel stack */
	void *task;		/* its task, NULL until the first call is through */
	lkl_s64 nr;
	lkl_u64 args[6];
	lkl_s64 ret;
	int state;		/* enum lkl_request_state */
	int queued;		/* on the enter list */
	int orphan;		/* the host thread did not survive a fork */
	int inside;		/* in lkl_kernel_syscall(): refuses signal handlers */
	int spawning;		/* on the list of tasks to make */
	lkl_u64 serve_until;	/* done, and serving others only so long */
	struct lkl_host_thread *next;		/* enter list */
	struct lkl_host_thread *next_spawn;	/* list of tasks to make */

	/* A signal handler to be run by this thread when its call is through. */
	LKL_ABI void (*sig_handler)(int sig, void *info, void *context);
	int sig_number;
	lkl_u64 sig_mask;	/* to be restored after it */
	lkl_u64 sig_info[16];	/* siginfo_t */

	/* the host's own part */
	int wake_word;
	int sleeping;
	unsigned int spin;	/* adaptive spin before sleeping */
};

/* How the virtual CPU is left when no host thread holds it. */
enum lkl_cpu_mode {
	LKL_MODE_KERNEL,	/* in kernel code at .sp: idle, or handed over */
	LKL_MODE_USER,		/* .user's task is current, its kernel stack empty */
	LKL_MODE_DEAD,		/* halted: nobody enters again */
};

/* One virtual CPU. All but the first line belongs to the holder of the word. */
struct lkl_cpu {
	lkl_u64 word;
	struct lkl_host_thread *enter_list;	/* lock-free, last in first */
	lkl_u64 executor_deadline;	/* the executor sleeps until then; 0 = awake */
	lkl_u64 watcher_deadline;	/* so does the watcher */
	struct lkl_host_thread *watcher;	/* waiting thread that minds the clock */
	struct lkl_host_thread *spinner;	/* waiting thread that spins just now */
	lkl_u64 pad[2];

	lkl_u64 next_event;	/* CLOCK_MONOTONIC ns */
	lkl_u64 sp;		/* suspended context (LKL_MODE_KERNEL) */
	struct lkl_host_thread *runner;
	struct lkl_host_thread *user;	/* LKL_MODE_USER: whose task is current */
	int mode;
	int irqs_off;
	int in_user;		/* LKL_MODE_USER is being interrupted */
	int hand_over;		/* the runner wants out: the executor goes on */
	lkl_u64 clock;		/* last reading of sched_clock() */
	lkl_u64 activity;	/* counts timer programming */
	lkl_u64 switches;
	lkl_u64 hand_overs;
};

/*
 * What the kernel asks of the host. Every function may be called on a kernel
 * stack (a few KiB are left) with the virtual CPU held, so none may block on
 * another host thread that needs the CPU. None may call back into the kernel,
 * but for lkl_kernel_irq().
 */
struct lkl_host_calls {
	/* Console output; not terminated by 0. */
	LKL_ABI void (*print)(const char *text, int len);
	/* The kernel has panicked and can't go on. If it returns, every call ends with -ESHUTDOWN. */
	LKL_ABI void (*panic)(void);
	/* The kernel has halted: every thread that waits must be woken. */
	LKL_ABI void (*halted)(void);
	/* Zeroed memory, untouched pages cost nothing; align is a power of 2. NULL on failure. */
	LKL_ABI void *(*mem_alloc)(lkl_u64 size, lkl_u64 align);
	/* The content of these pages is no longer needed; they read as anything. */
	LKL_ABI void (*mem_discard)(void *base, lkl_u64 size);
	/* The kernel's memory, told once so that devices can check addresses. */
	LKL_ABI void (*mem_register)(void *base, lkl_u64 phys, lkl_u64 size);
	/* CLOCK_MONOTONIC and CLOCK_REALTIME in ns. */
	LKL_ABI lkl_u64 (*time)(void);
	LKL_ABI lkl_u64 (*realtime)(void);
	/* Sleep until wake() or the deadline; 1 when the deadline has passed. */
	LKL_ABI int (*wait)(struct lkl_host_thread *self, lkl_u64 deadline);
	LKL_ABI void (*wake)(struct lkl_host_thread *thread);
	/* The same for the executor, which also waits for devices. */
	LKL_ABI void (*executor_wait)(lkl_u64 deadline);
	LKL_ABI void (*executor_kick)(void);
	/* Device registers. */
	LKL_ABI lkl_u64 (*mmio_read)(lkl_u64 addr, unsigned int size);
	LKL_ABI void (*mmio_write)(lkl_u64 addr, lkl_u64 value, unsigned int size);
	/* A kernel stack is put into use or out of it: guard page, valgrind, ASan. */
	LKL_ABI void (*stack_on)(void *base, lkl_u64 size);
	LKL_ABI void (*stack_off)(void *base, lkl_u64 size);
	/* Several processors: waiting for another thread in a loop makes sense. */
	int may_spin;
	/* Cycle counter of the processor ticks at one rate on all of its cores. */
	int cycles_are_stable;
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the host asks of the kernel. All run on the caller's own host stack.
 */

/* Before anything else, by the executor as well as by the thread that boots. */
LKL_ABI void lkl_kernel_setup(const struct lkl_host_calls *calls);
/* Boots on the calling thread; returns when the first task is in user mode. 0 or -errno. */
LKL_ABI int lkl_kernel_boot(const struct lkl_host_calls *calls, struct lkl_host_thread *self,
			    const char *command_line);
/* Executes the request in self->nr and args; any thread, one call at a time for each. */
LKL_ABI lkl_s64 lkl_kernel_syscall(struct lkl_host_thread *self);
/* One turn of the executor: waits, then serves what is due. 0 when the kernel is dead. */
LKL_ABI int lkl_kernel_execute(struct lkl_host_thread *self);
/* Raises a virtual irq; any thread, also from within mmio_write(). */
LKL_ABI void lkl_kernel_irq(unsigned int irq);
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
 * fork() of the host: hold() waits for the CPU and keeps it, release() lets it
 * go. In the child, orphan() marks a thread that is no more: its task will end.
 */
LKL_ABI int lkl_kernel_try_hold(void);
LKL_ABI void lkl_kernel_orphan(struct lkl_host_thread *gone);
LKL_ABI void lkl_kernel_release(struct lkl_host_thread *self);

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

extern struct lkl_cpu lkl_cpu;

#ifdef __cplusplus
}
#endif

#endif
