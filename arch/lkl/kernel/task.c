// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks are stacks. Each application thread has a task, a thread of pid 1, made
 * at its first call; this file is what such a task does between calls.
 *
 * A task is in user mode when it is lazily current (LKL_MODE_USER: still on the
 * run queue, its kernel stack empty) or parked (asleep in lkl_task_loop()). It
 * is parked by the first other thread that needs the CPU, so that the next call
 * of the same thread costs no scheduling and an idle library no tick.
 */
#include <linux/binfmts.h>
#include <linux/hardirq.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/task_work.h>
#include <isa/cpu.h>
#include <asm/cpu.h>
#include "lkl.h"
#include "request.h"

/* Sleep until there is a request (or other work of user mode); run others meanwhile. */
static void park(struct lkl_host_thread *ht)
{
	if (lkl_cpu.runner == ht && (ht->state & LKL_REQ_PHASE) == LKL_REQ_DONE)
		lkl_cpu.serve_until = lkl_clock() + LKL_SERVE_NS;
	set_current_state(TASK_INTERRUPTIBLE);
	/* ENTER may have been taken while we were still running: look again */
	if (!lkl_request_posted(ht) && !(READ_ONCE(current_thread_info()->flags) & _TIF_USER_WORK))
		schedule();
	__set_current_state(TASK_RUNNING);
}

/*
 * On the stack of the task of ht, from its top. To return means to leave the CPU
 * in user mode of this task, the stack being empty then.
 */
void lkl_task_loop(struct lkl_host_thread *ht)
{
	lkl_cpu.mode = LKL_MODE_KERNEL;
	for (;;) {
		if (lkl_request_posted(ht))
			lkl_run_request(ht);
		else if (unlikely(READ_ONCE(current_thread_info()->flags) & _TIF_USER_WORK))
			lkl_user_work(ht);
		if (unlikely(ht->state & LKL_REQ_ORPHAN))
			lkl_host_thread_exit(ht);
		if (likely(!need_resched() && single_task_running()))
			break;
		park(ht);
	}
	if (lkl_cpu.user != ht) {
		lkl_cpu.user = ht;
		lkl_cpu.user_since = isa_cycles();
	}
	lkl_cpu.mode = LKL_MODE_USER;
}

/*
 * The CPU was in user mode of the current task and is needed for something else:
 * on the stack of that task, from its top.
 */
void lkl_user_interrupt(struct lkl_host_thread *self)
{
	struct lkl_host_thread *ht = lkl_cpu.user;

	lkl_cpu.mode = LKL_MODE_KERNEL;
	if ((READ_ONCE(lkl_cpu.word) & LKL_CPU_INTERRUPTS) == LKL_CPU_ENTER) {
		/* Another thread calls in: the frequent case needs no interrupt. */
		local_irq_disable();
		lkl_take_entries();
		local_irq_enable();
	} else {
		lkl_cpu.in_user = 1;
		lkl_cpu_do_pending();
		lkl_cpu.in_user = 0;
	}
	if (lkl_cpu.runner != ht && !lkl_request_posted(ht))
		park(ht);
	lkl_task_loop(ht);
}

static int host_task(void *arg)
{
	static const char name[TASK_COMM_LEN] = "host";
	struct lkl_host_thread *ht = arg;
	sigset_t none = {};

	current->thread.host_thread = ht;
	ht->stack_top = (unsigned long)task_stack_page(current) + THREAD_SIZE -
			LKL_STACK_TOP_RESERVE;
	ht->task = current;
	LKL_FETCH_AND(ht->state, ~LKL_REQ_SPAWNING);
	/* the mask of pid 1 is none of its own */
	set_current_blocked(&none);
	set_task_comm(current, name);
	/*
	 * A fork() after this task was made and before it ran: nobody could tell it then, and
	 * its request is for the parent.
	 */
	if (unlikely(ht->state & LKL_REQ_ORPHAN))
		lkl_host_thread_exit(ht);
	return 0;
}

/*
 * A task can't be made while a signal waits for pid 1. What has no handler never does, pid 1
 * being what it is; so those that have one are blocked, and no others: to block a signal
 * whose default it is to kill is to let it.
 */
static pid_t spawn(struct lkl_host_thread *ht)
{
	sigset_t handled = {}, none = {};
	pid_t pid;
	int sig;

	for (sig = 1; sig <= _NSIG; sig++)
		if (current->sighand->action[sig - 1].sa.sa_handler != SIG_DFL)
			sigaddset(&handled, sig);
	set_current_blocked(&handled);
	pid = user_mode_thread(host_task, ht, CLONE_VM | CLONE_FS | CLONE_FILES |
			       CLONE_THREAD | CLONE_SIGHAND | CLONE_SYSVSEM);
	set_current_blocked(&none);
	return pid;
}

/* pid 1 when it has nothing else to do: makes tasks for new application threads. */
void __noreturn lkl_serve_spawns(void)
{
	static const char name[TASK_COMM_LEN] = "lkl-init";

	lkl_spawns_begin();
	set_task_comm(current, name);
	lkl_boot_finished();
	for (;;) {
		struct lkl_host_thread *ht;
		pid_t pid;

		/* a signal to the process goes to a thread that has none pending */
		set_thread_flag(TIF_SIGPENDING);
		set_current_state(TASK_IDLE);
		local_irq_disable();
		ht = lkl_next_spawn();
		local_irq_enable();
		if (!ht) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		/* that of a thread which is no more is through, too: its record is free then */
		pid = ht->state & LKL_REQ_ORPHAN ? -EINTR : spawn(ht);
		if (pid < 0) {
			LKL_FETCH_AND(ht->state, ~LKL_REQ_SPAWNING);
			ht->ret = pid;
			lkl_request_done(ht);
		}
	}
}

/* From lkl_task_start(): the first code of a new task. To return is to go to user mode. */
asmlinkage void lkl_task_main(struct task_struct *prev, int (*fn)(void *arg), void *arg)
{
	schedule_tail(prev);
	lkl_cpu_switched();
	fn(arg);
	if (current->flags & PF_KTHREAD)
		do_exit(0);
	if (current->pid == 1)		/* its threads are is_global_init() as well */
		lkl_serve_spawns();
	lkl_task_loop(current->thread.host_thread);
}

int copy_thread(struct task_struct *p, const struct kernel_clone_args *args)
{
	void *stack = task_stack_page(p);
	unsigned long *top = stack + THREAD_SIZE - LKL_STACK_TOP_RESERVE;

	/* fork(2) from an application thread: there is no user context to copy */
	if (!args->fn)
		return -ENOSYS;
	*(struct task_struct **)top = p;
	p->thread.host_thread = NULL;
	p->thread.sp = (unsigned long)isa_new_stack(top, lkl_task_start, args->fn, args->fn_arg);
	lkl_host->stack_on(lkl_host->instance, stack, THREAD_SIZE);
	return 0;
}

/*
 * The guard page comes down here, not later: the RCU head of the path that frees
 * the stack is written into it.
 */
void exit_thread(struct task_struct *tsk)
{
	lkl_host->stack_off(lkl_host->instance, task_stack_page(tsk), THREAD_SIZE);
}

long arch_ptrace(struct task_struct *child, long request, unsigned long addr, unsigned long data)
{
	return -EIO;
}

void ptrace_disable(struct task_struct *child)
{
}
