// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual CPU as host threads see it: how they take it, leave it and wait for it. The
 * functions run on host stacks, where there is no `current`; they use nothing of the kernel
 * but lkl_cpu, the records and the host calls. docs/architecture.md has the diagrams,
 * tests/model plays this file through.
 *
 * Invariants
 *  1. Only the holder of the word touches a kernel stack, the run queue, or the lower part
 *     of lkl_cpu. There is one holder.
 *  2. The word is released only by a thread that is back on its host stack. Otherwise the
 *     next holder might start on a stack that is still in use.
 *  3. When nobody holds it the CPU is suspended in one of two ways: in user mode of a task
 *     whose kernel stack is empty; in kernel code at .sp (idle, or in mid-course, which is
 *     RESUME). The word of a dead kernel stays held for ever.
 *  4. When the word is free and has other bits set, somebody is on the way who will look at
 *     it: the executor, kicked; a thread that waits for its call and is awake, or has been
 *     woken. Who sets bits of a free word sees to that, who leaves it free with bits set
 *     does, and who stops waiting does, because it may be the one that was woken.
 *  5. When the next event is set somebody looks at it by then, or by minder_deadline, which
 *     is never more than a guard time later; when the word is free, no more than the host's
 *     own slack later. Who moves the event to before that deadline has the minder look: after
 *     the release, or at once if the difference is more than the guard time.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/time64.h>
#include <asm/host_ops.h>
#include <asm/cpu.h>
#include <isa/cpu.h>
#include "lkl.h"
#include "shared_word.h"

static __always_inline bool request_done(const struct lkl_host_thread *self)
{
	return (LKL_LOAD_ACQUIRE(self->state) & LKL_REQ_PHASE) == LKL_REQ_DONE;
}

static __always_inline bool dead(void)
{
	return LKL_LOAD_RELAXED(lkl_cpu.mode) == LKL_MODE_DEAD;
}

/* There is no kernel for this thread to enter. */
static __always_inline bool gone(const struct lkl_host_thread *self)
{
	return dead() || LKL_LOAD(self->retired);
}

/* Free, with something to be done. */
static __always_inline bool wants_somebody(u64 word)
{
	return word && !(word & (LKL_CPU_HELD | LKL_CPU_HOLD));
}

static bool cpu_try_take(void)
{
	u64 word;

	do {
		word = LKL_LOAD(lkl_cpu.word);
		if (word & (LKL_CPU_HELD | LKL_CPU_HOLD))
			return false;
	} while (!LKL_CAS(lkl_cpu.word, word, (word & ~LKL_CPU_RESUME) | LKL_CPU_HELD));
	return true;
}

/* Be the CPU until kernel code leaves it. */
static void cpu_run(struct lkl_host_thread *self)
{
	lkl_cpu.runner = self;
	lkl_cpu.leave = 0;
	/* its call may have been done by another one while it was about to come */
	lkl_cpu.serve_until = request_done(self) ? lkl_clock() + LKL_SERVE_NS : LKL_NO_TIME_LIMIT;
	if (lkl_cpu.mode == LKL_MODE_USER)
		lkl_call_on_stack(self, lkl_cpu.user->stack_top, lkl_user_interrupt);
	else
		lkl_swap_stacks(&self->host_sp, lkl_cpu.sp);
}

/* Something may be waiting for a CPU that is free: somebody has to come. */
int lkl_kernel_attend(void)
{
	struct lkl_host_thread *sleeper;

	if (!wants_somebody(LKL_LOAD(lkl_cpu.word)))
		return LKL_ATTEND_NOBODY;
	sleeper = LKL_XCHG(lkl_cpu.sleeper, NULL);
	if (sleeper) {
		lkl_host->wake(lkl_host->instance, sleeper);
		return LKL_ATTEND_SLEEPER;
	}
	lkl_host->executor_kick(lkl_host->instance);
	return LKL_ATTEND_EXECUTOR;
}

/*
 * The host itself may be so late with a wait (its timer slack, prctl(2)): to look that much
 * earlier tells nobody anything.
 */
#define SLACK_NS	(LKL_GUARD_NS / 10)

static __always_inline void mind_if_late(void)
{
	u64 event = LKL_LOAD(lkl_cpu.next_event), deadline = LKL_LOAD(lkl_cpu.minder_deadline);

	if (unlikely(event < deadline && deadline - event > SLACK_NS)) {
		/* it is about to look, and need not be told again */
		LKL_STORE(lkl_cpu.minder_deadline, 0);
		lkl_host->mind(lkl_host->instance);
	}
}

static noinline void cpu_release_slow(struct lkl_host_thread *self)
{
	u64 word, resume;

	for (;;) {
		if (lkl_cpu.leave & LKL_LEAVE_IO) {
			lkl_cpu.leave &= ~LKL_LEAVE_IO;
			/* else it is going to wait for it, that is to do it */
			if (request_done(self))
				lkl_host->kept_io_pass_on(lkl_host->instance, self);
		}
		if (dead())
			return;
		resume = lkl_cpu.leave & LKL_LEAVE_HAND_OVER ? LKL_CPU_RESUME : 0;
		word = LKL_LOAD(lkl_cpu.word);
		if (word & LKL_CPU_HOLD) {
			/* it stays held: the thread that is to fork has it now */
			if (!LKL_CAS(lkl_cpu.word, word, (word & ~LKL_CPU_HOLD) | resume))
				continue;
			lkl_host->granted(lkl_host->instance);
			return;
		}
		if (resume) {
			if (!LKL_CAS(lkl_cpu.word, word, (word & ~LKL_CPU_HELD) | resume))
				continue;
			lkl_host->executor_kick(lkl_host->instance);
			return;
		}
		if (LKL_CAS(lkl_cpu.word, LKL_CPU_HELD, 0))
			return;
		cpu_run(self);
	}
}

static __always_inline void cpu_release(struct lkl_host_thread *self)
{
	if (unlikely(lkl_cpu.leave || !LKL_CAS(lkl_cpu.word, LKL_CPU_HELD, 0)))
		cpu_release_slow(self);
	mind_if_late();
}

/* Without having been the CPU: nothing is run, others see to what waits. */
static void cpu_give_back(void)
{
	u64 word;

	if (dead())
		return;
	do {
		word = LKL_LOAD(lkl_cpu.word);
	} while (!LKL_CAS(lkl_cpu.word, word, word & LKL_CPU_HOLD ? word & ~LKL_CPU_HOLD :
								    word & ~LKL_CPU_HELD));
	if (word & LKL_CPU_HOLD)
		lkl_host->granted(lkl_host->instance);
	else
		lkl_kernel_attend();
	mind_if_late();
}

/* Puts it on the enter list, where it is at most once, and asks the CPU to look. */
static void enter_queue(struct lkl_host_thread *self, bool post)
{
	struct lkl_host_thread *head;
	u32 old, new;

	do {
		old = LKL_LOAD_RELAXED(self->state);
		new = old | LKL_REQ_QUEUED;
		if (post)
			new = (new & ~LKL_REQ_PHASE) | LKL_REQ_POSTED;
	} while (!LKL_CAS(self->state, old, new));
	if (!(old & LKL_REQ_QUEUED)) {
		do {
			head = LKL_LOAD_RELAXED(lkl_cpu.enter_list);
			self->next = head;
		} while (!LKL_CAS(lkl_cpu.enter_list, head, self));
	}
	LKL_FETCH_OR(lkl_cpu.word, LKL_CPU_ENTER);
}

/*
 * Spinning pays when the answer comes from a thread that runs on another core
 * right now, and only then: double the effort when it did, halve it when not. An
 * answer that came later than the limit came because the host took our core away
 * and gave it to that thread: it waits for the same core, and spinning holds it up.
 * In cycles, since a pause may cost anything under a hypervisor.
 *
 * An answer that this thread has worked out itself, as the CPU, after a device had woken it,
 * would never have come by spinning: there is next to none then until another thread has
 * served it again.
 *
 * One thread at a time: of many that wait for one virtual CPU the others would only
 * hold up, on the cores of the host, the thread that they are waiting for.
 */
#define SPIN_ALONE	2000u
#define SPIN_MIN	12000u
#define SPIN_MAX	60000u

static bool spin_begin(struct lkl_host_thread *self)
{
	struct lkl_host_thread *other = LKL_LOAD_RELAXED(lkl_cpu.spinner);

	if (!lkl_host->may_spin)
		return false;
	/* one whose answer is there is about to find out */
	if (other && !request_done(other))
		return false;
	return LKL_CAS(lkl_cpu.spinner, other, self);
}

static void spin_end(struct lkl_host_thread *self)
{
	/* unless another has taken over */
	LKL_CAS(lkl_cpu.spinner, self, NULL);
}

static bool spin_done(struct lkl_host_thread *self)
{
	u64 start = isa_cycles(), spent = 0;
	unsigned int limit = self->spin ?: SPIN_MIN;
	bool done = false;

	if (!spin_begin(self))
		return false;
	while (!done && spent <= limit) {
		if (unlikely(wants_somebody(LKL_LOAD_RELAXED(lkl_cpu.word)) || gone(self)))
			goto out;
		isa_pause();
		spent = isa_cycles() - start;
		done = request_done(self);
	}
	if (done && spent <= limit)
		self->spin = clamp(limit * 2, SPIN_MIN, SPIN_MAX);
	else if (limit > SPIN_MIN)
		self->spin = max(limit / 2, SPIN_MIN);
out:
	spin_end(self);
	return done;
}

/*
 * Two threads that call and call would take the CPU from each other for each call, for ten
 * times what a call costs. So a thread whose calls do not wait has the CPU for a while:
 * long beside the cost of a change, short beside waking a thread that sleeps.
 */
#define QUANTUM		60000u	/* cycles, 15 to 30 us */
#define IDLE_CYCLES	6000u	/* without a call for so long it has lost it */
#define FAST_STREAK	8u

static bool user_keeps_cpu(const struct lkl_host_thread *self)
{
	const struct lkl_host_thread *user = LKL_LOAD_RELAXED(lkl_cpu.user);

	return LKL_LOAD_RELAXED(lkl_cpu.mode) == LKL_MODE_USER && user && user != self &&
	       LKL_LOAD_RELAXED(user->streak) >= FAST_STREAK &&
	       isa_cycles() - LKL_LOAD_RELAXED(lkl_cpu.user_since) < QUANTUM;
}

/* Until its time is over, at most; once a call. */
static noinline void wait_for_turn(struct lkl_host_thread *self)
{
	const struct lkl_host_thread *user = LKL_LOAD_RELAXED(lkl_cpu.user);
	u64 start = LKL_LOAD_RELAXED(lkl_cpu.user_since), looked, now;
	u32 streak = LKL_LOAD_RELAXED(user->streak), new;

	if (!spin_begin(self)) {
		lkl_host->nap(lkl_host->instance, LKL_NAP_NS);
		return;
	}
	do {
		/* each look takes the line from the thread that is at work: seldom */
		looked = isa_cycles();
		do {
			isa_pause();
			now = isa_cycles();
		} while (now - looked < IDLE_CYCLES);
		new = streak;
		streak = LKL_LOAD_RELAXED(user->streak);
	} while (streak != new && now - start < QUANTUM);
	spin_end(self);
}

/* The request is posted or running, the CPU is not ours: wait for the end, helping. */
static noinline void wait_done(struct lkl_host_thread *self)
{
	while (!request_done(self) && !gone(self)) {
		if (self->kept_io) {
			lkl_host->kept_io_do(lkl_host->instance, self);
			continue;
		}
		if (spin_done(self))
			break;
		/* something waits and nobody is there: no reason to sleep */
		if (wants_somebody(LKL_LOAD(lkl_cpu.word))) {
			if (cpu_try_take()) {
				cpu_run(self);
				cpu_release(self);
				if (request_done(self))
					self->spin = SPIN_ALONE;
			}
			continue;
		}
		LKL_STORE(lkl_cpu.sleeper, self);
		if (!request_done(self) && !gone(self) && !wants_somebody(LKL_LOAD(lkl_cpu.word)))
			lkl_host->wait(lkl_host->instance, self);
		LKL_CAS(lkl_cpu.sleeper, self, NULL);
		if (request_done(self))
			self->spin = max(self->spin, SPIN_MIN);
	}
	if (unlikely(self->kept_io))
		lkl_host->kept_io_pass_on(lkl_host->instance, self);
	/* perhaps it was woken to be the CPU */
	lkl_kernel_attend();
	mind_if_late();
}

static noinline void syscall_slow(struct lkl_host_thread *self, bool held)
{
	if (unlikely(gone(self))) {
		if (held)
			cpu_give_back();
		self->ret = -ESHUTDOWN;
		return;
	}
	if (user_keeps_cpu(self)) {
		if (held)
			cpu_give_back();
		held = false;
		wait_for_turn(self);
	}
	enter_queue(self, true);
	if (held || cpu_try_take()) {
		cpu_run(self);
		cpu_release(self);
	}
	wait_done(self);
	if (unlikely(!request_done(self)))
		self->ret = -ESHUTDOWN;
}

void lkl_kernel_syscall(struct lkl_host_thread *self)
{
	bool held = LKL_CAS(lkl_cpu.word, 0, LKL_CPU_HELD);

	if (unlikely(!held || lkl_cpu.mode != LKL_MODE_USER || lkl_cpu.user != self)) {
		syscall_slow(self, held);
		barrier();	/* no jump: backtraces show where the kernel was entered */
		return;
	}
	/* not on the list: the word was 0. It is ours, and nobody else looks at the state */
	LKL_STORE_RELAXED(self->state, LKL_REQ_POSTED);
	lkl_cpu.runner = self;
	lkl_cpu.serve_until = LKL_NO_TIME_LIMIT;
	lkl_call_on_stack(self, self->stack_top, lkl_task_loop);
	cpu_release(self);
	if (unlikely(!request_done(self))) {
		wait_done(self);
		if (unlikely(!request_done(self)))
			self->ret = -ESHUTDOWN;
	}
}

void lkl_kernel_raise(unsigned int irq)
{
	LKL_FETCH_OR(lkl_cpu.word, LKL_CPU_IRQ(irq));
}

/* What had been done when somebody was last told until when to sleep. */
static u64 activity_seen;

int lkl_kernel_execute(struct lkl_host_thread *self)
{
	u64 before;

	lkl_host->executor_wait(lkl_host->instance);
	if (dead())
		return 0;
	if (wants_somebody(LKL_LOAD(lkl_cpu.word)) && cpu_try_take()) {
		lkl_executor = self;
		before = lkl_cpu.activity;
		cpu_run(self);
		/* its own is no sign that there will be more while it sleeps */
		LKL_STORE_RELAXED(activity_seen, LKL_LOAD_RELAXED(activity_seen) +
				  lkl_cpu.activity - before);
		cpu_release(self);
	}
	return 1;
}

#define TICK_NS	((u64)NSEC_PER_SEC / HZ)

u64 lkl_kernel_mind(void)
{
	u64 activity, event, deadline, now;

	do {
		activity = LKL_LOAD_RELAXED(lkl_cpu.activity);
		event = LKL_LOAD(lkl_cpu.next_event);
		deadline = event;
		now = lkl_host->time(lkl_host->instance);
		/*
		 * Due, and the CPU knows: the next one is set when it has come to that. It is
		 * the tick, mostly, and then nobody has to wake the minder for it.
		 */
		if (event <= now && (LKL_LOAD(lkl_cpu.word) & LKL_CPU_TIMER))
			deadline = (now - event < TICK_NS / 2 ? event : now) + TICK_NS;
		/* more than the tick */
		if (activity - LKL_LOAD_RELAXED(activity_seen) > 1)
			deadline = min(deadline, now + LKL_GUARD_NS);
		LKL_STORE(lkl_cpu.minder_deadline, deadline);
	} while (LKL_LOAD(lkl_cpu.next_event) != event);
	LKL_STORE_RELAXED(activity_seen, activity);
	return deadline;
}

void lkl_kernel_minded(u64 until)
{
	u64 event = LKL_LOAD(lkl_cpu.next_event);

	if (event != LKL_NO_DEADLINE && lkl_host->time(lkl_host->instance) >= event)
		LKL_FETCH_OR(lkl_cpu.word, LKL_CPU_TIMER);
	LKL_STORE(lkl_cpu.minder_deadline, until);
}

int lkl_kernel_is_dead(void)
{
	/* what it has done before is there to be seen by who hears of it */
	return LKL_LOAD_ACQUIRE(lkl_cpu.mode) == LKL_MODE_DEAD;
}

void lkl_kernel_kill(void)
{
	LKL_STORE(lkl_cpu.mode, LKL_MODE_DEAD);
	LKL_FETCH_OR(lkl_cpu.word, LKL_CPU_HELD);
}

int lkl_kernel_hold(void)
{
	u64 word = LKL_FETCH_OR(lkl_cpu.word, LKL_CPU_HOLD);

	for (;;) {
		if (dead())
			return 0;
		word = LKL_LOAD(lkl_cpu.word);
		if (!(word & LKL_CPU_HOLD))
			return 1;	/* granted */
		if (!(word & LKL_CPU_HELD)) {
			if (LKL_CAS(lkl_cpu.word, word, (word & ~LKL_CPU_HOLD) | LKL_CPU_HELD))
				return 1;
		} else {
			lkl_host->hold_wait(lkl_host->instance);
		}
	}
}

void lkl_kernel_orphan(struct lkl_host_thread *self)
{
	LKL_FETCH_OR(self->state, LKL_REQ_ORPHAN);
	LKL_STORE(lkl_cpu.minder_deadline, LKL_NO_DEADLINE);
	LKL_STORE(lkl_cpu.sleeper, NULL);
	LKL_STORE(lkl_cpu.spinner, NULL);
	if (self->task || (LKL_LOAD(self->state) & LKL_REQ_QUEUED))
		enter_queue(self, false);
}

void lkl_kernel_unhold(void)
{
	LKL_FETCH_AND(lkl_cpu.word, ~LKL_CPU_HELD);
	lkl_kernel_attend();
	mind_if_late();
}

void lkl_kernel_setup(const struct lkl_host_calls *calls)
{
	LKL_STORE(lkl_host, calls);
}

int lkl_kernel_boot(struct lkl_host_thread *self, const char *command_line)
{
	u64 stack_top;
	int err = lkl_boot_prepare(command_line, &stack_top);

	if (err)
		return err;
	lkl_boot_begins(self);
	LKL_STORE(self->state, LKL_REQ_RUNNING);
	lkl_cpu.runner = self;
	lkl_call_on_stack(self, stack_top, lkl_boot_on_stack);
	cpu_release(self);
	wait_done(self);
	return request_done(self) ? 0 : -ESHUTDOWN;
}
