// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual CPU: how host threads take it, run it, leave it and wait for it.
 *
 * The functions of the first part run on host stacks, where there is no
 * `current`; they use nothing of the kernel but lkl_cpu and the host calls.
 *
 * Invariants
 *  1. Only the holder of the word touches a kernel stack, the run queue, irqs_off
 *     or the lower part of lkl_cpu. There is one holder.
 *  2. The word is released only by a thread that is back on its host stack.
 *     Otherwise the next holder might start on a stack that is still in use.
 *  3. When nobody holds it the CPU is suspended in one of three ways: in user
 *     mode of a task whose kernel stack is empty; in kernel code at .sp (idle, or
 *     handed over in mid-course); dead.
 *  4. A release fails while something is pending, except that a thread which may
 *     not serve others any longer gives what is pending to the executor.
 *  5. When the word is free and the next event is set, someone sleeps no longer
 *     than until then: the executor or the watcher (a thread that waits for the
 *     end of its call and minds the clock meanwhile). Whoever moves the event or
 *     gives up watching checks this after the release; whoever goes to sleep
 *     checks it after having told until when.
 */
#include <linux/cpu.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <asm/setup.h>
#include <isa/cpu.h>
#include <asm/cpu.h>
#include "lkl.h"

struct lkl_cpu lkl_cpu ____cacheline_aligned = {
	.word = LKL_CPU_HELD,		/* until the boot is through */
	.executor_deadline = LKL_NO_DEADLINE,
	.watcher_deadline = LKL_NO_DEADLINE,
	.next_event = LKL_NO_DEADLINE,
	.mode = LKL_MODE_KERNEL,
	.irqs_off = 1,
};

const struct lkl_host_calls *lkl_host;

/* How long a thread whose call is done goes on for others, in ns. */
#define SERVE_NS	50000

static __always_inline u64 load(const u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static __always_inline void store(u64 *p, u64 value)
{
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

static __always_inline bool cas(u64 *p, u64 old, u64 new)
{
	return __atomic_compare_exchange_n(p, &old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

static __always_inline bool request_done(const struct lkl_host_thread *self)
{
	return __atomic_load_n(&self->state, __ATOMIC_ACQUIRE) == LKL_REQ_DONE;
}

static __always_inline bool dead(void)
{
	return READ_ONCE(lkl_cpu.mode) == LKL_MODE_DEAD;
}

static bool cpu_try_take(void)
{
	u64 word = load(&lkl_cpu.word);

	while (!(word & LKL_CPU_HELD))
		if (__atomic_compare_exchange_n(&lkl_cpu.word, &word, word | LKL_CPU_HELD, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

/* Be the CPU until kernel code leaves it. */
static void cpu_run(struct lkl_host_thread *self)
{
	lkl_cpu.runner = self;
	lkl_cpu.hand_over = 0;
	switch (lkl_cpu.mode) {
	case LKL_MODE_USER:
		lkl_call_on_stack(self, lkl_cpu.user->stack_top, lkl_user_interrupt);
		break;
	case LKL_MODE_KERNEL:
		lkl_swap_stacks(&self->host_sp, lkl_cpu.sp);
		break;
	}
}

static void executor_kick_if_late(void)
{
	u64 event = READ_ONCE(lkl_cpu.next_event);

	if (unlikely(event < READ_ONCE(lkl_cpu.executor_deadline) &&
		     event < READ_ONCE(lkl_cpu.watcher_deadline)))
		lkl_host->executor_kick();
}

static noinline void cpu_release_slow(struct lkl_host_thread *self)
{
	do {
		if (lkl_cpu.hand_over || dead()) {
			__atomic_fetch_and(&lkl_cpu.word, ~LKL_CPU_HELD, __ATOMIC_SEQ_CST);
			lkl_host->executor_kick();
			return;
		}
		if (request_done(self) && self->serve_until == LKL_NO_DEADLINE)
			self->serve_until = lkl_clock() + SERVE_NS;
		cpu_run(self);
	} while (lkl_cpu.hand_over || !cas(&lkl_cpu.word, LKL_CPU_HELD, 0));
}

static __always_inline void cpu_release(struct lkl_host_thread *self)
{
	if (unlikely(lkl_cpu.hand_over || !cas(&lkl_cpu.word, LKL_CPU_HELD, 0)))
		cpu_release_slow(self);
}

/* Asks the CPU to run the request of self. Each record is on the list at most once. */
static void enter_post(struct lkl_host_thread *self)
{
	struct lkl_host_thread *head;

	if (!__atomic_exchange_n(&self->queued, 1, __ATOMIC_SEQ_CST)) {
		head = __atomic_load_n(&lkl_cpu.enter_list, __ATOMIC_RELAXED);
		do {
			self->next = head;
		} while (!__atomic_compare_exchange_n(&lkl_cpu.enter_list, &head, self, false,
						      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	}
	__atomic_fetch_or(&lkl_cpu.word, LKL_CPU_ENTER, __ATOMIC_SEQ_CST);
}

/*
 * Spinning pays when the answer comes from a thread that runs on another core
 * right now, and only then: double the effort when it did, halve it when not. An
 * answer that came later than the limit came because the host took our core away
 * and gave it to that thread: it waits for the same core, and spinning holds it up.
 * In cycles, since a pause may cost anything under a hypervisor.
 *
 * One thread at a time: of many that wait for one virtual CPU the others would only
 * hold up, on the cores of the host, the thread that they are waiting for.
 */
#define SPIN_MIN	12000u
#define SPIN_MAX	60000u

static bool may_spin(struct lkl_host_thread *self)
{
	struct lkl_host_thread *other = READ_ONCE(lkl_cpu.spinner);

	/* one whose answer is there is about to find out */
	if (other && !request_done(other))
		return false;
	return __atomic_compare_exchange_n(&lkl_cpu.spinner, &other, self, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static bool spin_done(struct lkl_host_thread *self)
{
	struct lkl_host_thread *spinner = self;
	u64 start = isa_cycles(), spent = 0;
	unsigned int limit = clamp(self->spin, SPIN_MIN, SPIN_MAX);
	bool done = false;

	if (!lkl_host->may_spin || !may_spin(self))
		return false;
	while (!done && spent <= limit) {
		if (unlikely(!(READ_ONCE(lkl_cpu.word) & LKL_CPU_HELD) && lkl_cpu_pending()))
			goto out;
		isa_pause();
		spent = isa_cycles() - start;
		done = request_done(self);
	}
	self->spin = done && spent <= limit ? min(limit * 2, SPIN_MAX) : limit / 2;
out:
	/* unless another has taken over */
	__atomic_compare_exchange_n(&lkl_cpu.spinner, &spinner, NULL, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	return done;
}

/* The request is posted or running, the CPU is not ours: wait for the end, helping. */
static noinline void wait_done(struct lkl_host_thread *self)
{
	bool watched = false;

	while (!request_done(self) && !dead()) {
		struct lkl_host_thread *none = NULL;
		u64 deadline = LKL_NO_DEADLINE;
		bool watch, due = false;

		if (spin_done(self))
			break;
		/* something waits and nobody is there: no reason to sleep */
		if ((lkl_cpu_pending() || READ_ONCE(lkl_cpu.hand_over)) && cpu_try_take()) {
			cpu_run(self);
			cpu_release(self);
			continue;
		}
		watch = __atomic_compare_exchange_n(&lkl_cpu.watcher, &none, self, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		if (watch) {
			watched = true;
			do {
				deadline = load(&lkl_cpu.next_event);
				store(&lkl_cpu.watcher_deadline, deadline);
			} while (load(&lkl_cpu.next_event) < deadline);
		} else {
			executor_kick_if_late();
		}
		due = lkl_host->wait(self, deadline);
		if (watch) {
			store(&lkl_cpu.watcher_deadline, LKL_NO_DEADLINE);
			__atomic_store_n(&lkl_cpu.watcher, NULL, __ATOMIC_SEQ_CST);
		}
		if (request_done(self))
			break;
		if (due)
			__atomic_fetch_or(&lkl_cpu.word, LKL_CPU_TIMER, __ATOMIC_SEQ_CST);
	}
	if (watched)
		executor_kick_if_late();
}

static noinline void syscall_slow(struct lkl_host_thread *self, bool held)
{
	if (likely(!dead())) {
		enter_post(self);
		if (held || cpu_try_take()) {
			cpu_run(self);
			cpu_release(self);
		}
	} else if (held) {
		cpu_release(self);
	}
	wait_done(self);
	if (unlikely(!request_done(self)))
		self->ret = -ESHUTDOWN;
}

/* What a kernel does with a frame on the user stack, we do with a call. */
static noinline void run_handler(struct lkl_host_thread *self)
{
	typeof(self->sig_handler) handler = self->sig_handler;
	lkl_u64 info[ARRAY_SIZE(self->sig_info)];
	lkl_u64 mask = self->sig_mask;
	lkl_s64 ret = self->ret;

	__builtin_memcpy(info, self->sig_info, sizeof(info));
	self->sig_handler = NULL;
	handler(self->sig_number, info, NULL);
	self->nr = LKL_NR_SIGRETURN;
	self->args[0] = mask;
	lkl_kernel_syscall(self);
	self->ret = ret;
}

lkl_s64 lkl_kernel_syscall(struct lkl_host_thread *self)
{
	/*
	 * The host refuses calls of a signal handler that has interrupted a call of
	 * the same thread: there is one task and one stack, which are in use.
	 */
	self->inside = 1;
	barrier();
	self->serve_until = LKL_NO_DEADLINE;
	__atomic_store_n(&self->state, LKL_REQ_POSTED, __ATOMIC_RELEASE);

	if (likely(cas(&lkl_cpu.word, 0, LKL_CPU_HELD))) {
		if (likely(lkl_cpu.mode == LKL_MODE_USER && lkl_cpu.user == self)) {
			lkl_cpu.runner = self;
			lkl_call_on_stack(self, self->stack_top, lkl_task_loop);
			cpu_release(self);
			if (unlikely(!request_done(self))) {
				wait_done(self);
				if (!request_done(self))
					self->ret = -ESHUTDOWN;
			} else {
				executor_kick_if_late();
			}
		} else {
			syscall_slow(self, true);
		}
	} else {
		syscall_slow(self, false);
	}
	self->inside = 0;
	if (unlikely(self->sig_handler))
		run_handler(self);
	return self->ret;
}

void lkl_kernel_irq(unsigned int irq)
{
	u64 word = __atomic_fetch_or(&lkl_cpu.word, LKL_CPU_IRQ(irq), __ATOMIC_SEQ_CST);

	/* A holder sees the bit at the latest when it fails to release. */
	if (!(word & LKL_CPU_HELD))
		lkl_host->executor_kick();
}

int lkl_kernel_execute(struct lkl_host_thread *self)
{
	static u64 seen;
	u64 now = lkl_host->time();
	u64 deadline, activity;

	do {
		activity = READ_ONCE(lkl_cpu.activity);
		deadline = load(&lkl_cpu.next_event);
		/*
		 * Stay near while there is something going on, and while the
		 * holder has a due event before it: saves a wake for each event,
		 * and no thread can keep time from moving.
		 */
		if (activity != seen || deadline <= now)
			deadline = min(deadline <= now ? LKL_NO_DEADLINE : deadline,
				       now + TICK_NSEC);
		store(&lkl_cpu.executor_deadline, deadline);
	} while (load(&lkl_cpu.next_event) < deadline && load(&lkl_cpu.next_event) > now);
	seen = activity;

	if (!(lkl_cpu_pending() || READ_ONCE(lkl_cpu.hand_over)) ||
	    (READ_ONCE(lkl_cpu.word) & LKL_CPU_HELD))
		lkl_host->executor_wait(deadline);
	store(&lkl_cpu.executor_deadline, 0);

	if (dead())
		return 0;
	if (lkl_host->time() >= load(&lkl_cpu.next_event))
		__atomic_fetch_or(&lkl_cpu.word, LKL_CPU_TIMER, __ATOMIC_SEQ_CST);
	if ((lkl_cpu_pending() || READ_ONCE(lkl_cpu.hand_over)) && cpu_try_take()) {
		cpu_run(self);
		cpu_release(self);
	}
	return 1;
}

int lkl_kernel_try_hold(void)
{
	return cpu_try_take();
}

void lkl_kernel_orphan(struct lkl_host_thread *gone)
{
	gone->orphan = 1;
	if (lkl_cpu.watcher == gone) {
		lkl_cpu.watcher = NULL;
		lkl_cpu.watcher_deadline = LKL_NO_DEADLINE;
	}
	if (lkl_cpu.spinner == gone)
		lkl_cpu.spinner = NULL;
	if (gone->task || gone->queued)
		enter_post(gone);
}

void lkl_kernel_release(struct lkl_host_thread *self)
{
	cpu_release(self);
	executor_kick_if_late();
}

static void boot_on_stack(struct lkl_host_thread *self)
{
	void start_kernel(void);

	start_kernel();
}

static struct lkl_host_thread *booting;

void lkl_kernel_setup(const struct lkl_host_calls *calls)
{
	WRITE_ONCE(lkl_host, calls);
}

int lkl_kernel_boot(const struct lkl_host_calls *calls, struct lkl_host_thread *self,
		    const char *command_line)
{
	unsigned long stack, top;
	int i;

	lkl_kernel_setup(calls);
	for (i = 0; command_line[i] && i < COMMAND_LINE_SIZE - 1; i++)
		boot_command_line[i] = command_line[i];
	boot_command_line[i] = 0;

	/* The linker can't align init_stack to THREAD_SIZE in a relocatable object. */
	stack = (unsigned long)calls->mem_alloc(THREAD_SIZE, THREAD_SIZE);
	if (!stack)
		return -ENOMEM;
	top = stack + THREAD_SIZE - LKL_STACK_TOP_RESERVE;
	*(struct task_struct **)top = &init_task;
	init_task.stack = (void *)stack;
	calls->stack_on(init_task.stack, THREAD_SIZE);

	booting = self;
	self->state = LKL_REQ_RUNNING;
	self->serve_until = LKL_NO_DEADLINE;
	lkl_cpu.runner = self;
	lkl_call_on_stack(self, top, boot_on_stack);
	cpu_release(self);
	wait_done(self);
	return request_done(self) ? 0 : -ESHUTDOWN;
}

/* ---- from here on: on kernel stacks ---- */

void lkl_boot_finished(void)
{
	lkl_request_done(booting);
}

/* Idle: until a host thread comes back with something pending. */
void lkl_cpu_leave(void)
{
	lkl_cpu.mode = LKL_MODE_KERNEL;
	lkl_swap_stacks(&lkl_cpu.sp, lkl_cpu.runner->host_sp);
}

void __lkl_cpu_hand_over(void)
{
	lkl_cpu.hand_overs++;
	lkl_cpu.hand_over = 1;
	lkl_cpu_leave();
}

void arch_cpu_idle(void)
{
	if (!lkl_cpu_pending())
		lkl_cpu_leave();
}

void lkl_cpu_relax(void)
{
	barrier();
	if (lkl_cpu.irqs_off)
		return;
	if (lkl_clock() >= lkl_cpu.next_event)
		__atomic_fetch_or(&lkl_cpu.word, LKL_CPU_TIMER, __ATOMIC_SEQ_CST);
	if (lkl_cpu_pending())
		lkl_cpu_do_pending();
}
EXPORT_SYMBOL(lkl_cpu_relax);
