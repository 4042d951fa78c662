// SPDX-License-Identifier: GPL-2.0
/*
 * What a task does on its way to user mode: task work and signals.
 *
 * A handler (rt_sigaction) is run by the task's own application thread when its
 * call is through: a thread that is not in a call is not interrupted. Default
 * actions do not apply, since all tasks are threads of pid 1.
 */
#include <linux/resume_user_mode.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/string.h>
#include <linux/syscalls.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>
#include "lkl.h"
#include "shared_word.h"

static bool in_call(const struct lkl_host_thread *ht)
{
	return (LKL_LOAD_RELAXED(ht->state) & LKL_REQ_PHASE) == LKL_REQ_RUNNING;
}

/*
 * pid 1 drops a signal without a handler when it comes, even if a thread waits for it
 * (sigtimedwait(2)): while one does there is a handler.
 */
static unsigned int awaited[_NSIG + 1];		/* by so many threads; siglock */

static void nothing(int sig)
{
}

static void await(sigset_t *set, int change)
{
	struct k_sigaction *action;
	int sig;

	spin_lock_irq(&current->sighand->siglock);
	for (sig = 1; sig <= _NSIG; sig++) {
		if (!sigismember(set, sig) || sig == SIGKILL || sig == SIGSTOP)
			continue;
		action = &current->sighand->action[sig - 1];
		awaited[sig] += change;
		if (awaited[sig] && action->sa.sa_handler == SIG_DFL)
			action->sa.sa_handler = nothing;
		else if (!awaited[sig] && action->sa.sa_handler == nothing)
			action->sa.sa_handler = SIG_DFL;
	}
	spin_unlock_irq(&current->sighand->siglock);
}

long lkl_sys_rt_sigtimedwait(const void __user *uset, void __user *info,
			     const void __user *timeout, size_t size)
{
	sigset_t set;
	long ret;

	if (size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, uset, sizeof(set)))
		return -EFAULT;
	await(&set, 1);
	ret = sys_rt_sigtimedwait(uset, info, timeout, size);
	await(&set, -1);
	return ret;
}

/* Signals to the process that the current task could take; those that somebody waits for. */
static void shared_signals(sigset_t *takeable, sigset_t *waited_for)
{
	int sig;

	sigandnsets(takeable, &current->signal->shared_pending.signal, &current->blocked);
	sigemptyset(waited_for);
	for (sig = 1; sig <= _NSIG; sig++)
		if (sigismember(takeable, sig) && awaited[sig])
			sigaddset(waited_for, sig);
}

/*
 * A signal to the process as a whole has come to a thread that is in application code,
 * where it has to wait for the thread's next call; or to one that is in some call, while
 * another waits for just this signal. Is there a thread that should have it?
 */
static bool pass_on_signal(struct lkl_host_thread *ht)
{
	sigset_t mine, waited_for, theirs;
	struct task_struct *task;
	bool passed = false;

	spin_lock_irq(&current->sighand->siglock);
	sigandnsets(&mine, &current->pending.signal, &current->blocked);
	if (!sigisemptyset(&mine))
		goto out;
	shared_signals(&mine, &waited_for);
	for_each_thread(current, task) {
		struct lkl_host_thread *other = task->thread.host_thread;

		if (task == current || !other || !in_call(other) || task->flags & PF_EXITING)
			continue;
		if (sigisemptyset(&waited_for))
			sigandnsets(&theirs, &mine, &task->blocked);
		else
			sigandsets(&theirs, &waited_for, &task->real_blocked);
		if (sigisemptyset(&theirs) || (in_call(ht) && sigisemptyset(&waited_for)))
			continue;
		signal_wake_up(task, 0);
		clear_thread_flag(TIF_SIGPENDING);
		passed = true;
		break;
	}
out:
	spin_unlock_irq(&current->sighand->siglock);
	return passed;
}

/* True if there is a handler to be run now: a call in progress returns -EINTR. */
static bool take_signal(struct lkl_host_thread *ht)
{
	sigset_t *saved = sigmask_to_save();
	struct ksignal ksig;

	/* one at a time: the next one is taken when its handler has returned */
	if (ht->sig_active || pass_on_signal(ht) || !get_signal(&ksig))
		return false;
	ht->sig_number = ksig.sig;
	ht->sig_mask = saved->sig[0];
	ht->sig_restart = !!(ksig.ka.sa.sa_flags & SA_RESTART);
	ht->sig_active = 1;
	if (copy_siginfo_to_user((siginfo_t __user *)ht->sig_info, &ksig.info))
		memset(ht->sig_info, 0, sizeof(ht->sig_info));
	/* last: the thread may be looking */
	LKL_STORE_RELEASE(ht->sig_handler, (void *)ksig.ka.sa.sa_handler);
	signal_setup_done(0, &ksig, 0);
	return true;
}

void lkl_sigreturn(struct lkl_host_thread *ht, u64 mask)
{
	sigset_t set = { .sig[0] = mask };

	ht->sig_active = 0;
	set_current_blocked(&set);	/* recalculates TIF_SIGPENDING */
}

bool lkl_user_work(struct lkl_host_thread *ht)
{
	bool interrupt = take_signal(ht);

	/* a second signal waits in the queue, and its flag must not keep us here */
	if (ht->sig_active) {
		clear_notify_signal();
		task_work_run();
		clear_thread_flag(TIF_SIGPENDING);
	}
	if (test_thread_flag(TIF_NOTIFY_RESUME))
		resume_user_mode_work(NULL);
	if (!interrupt)
		restore_saved_sigmask();
	return interrupt;
}
