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
#include <linux/task_work.h>
#include "lkl.h"
#include "shared_word.h"

static bool in_call(const struct lkl_host_thread *ht)
{
	return (LKL_LOAD_RELAXED(ht->state) & LKL_REQ_PHASE) == LKL_REQ_RUNNING;
}

/*
 * A signal to the process as a whole has come to a thread that is in application code,
 * where it has to wait for the thread's next call. Is there one in a call to take it?
 */
static bool pass_on_signal(struct lkl_host_thread *ht)
{
	struct task_struct *task;
	bool passed = false;
	sigset_t mine, theirs;

	if (in_call(ht))
		return false;
	spin_lock_irq(&current->sighand->siglock);
	sigandnsets(&mine, &current->pending.signal, &current->blocked);
	if (!sigisemptyset(&mine))
		goto out;
	for_each_thread(current, task) {
		struct lkl_host_thread *other = task->thread.host_thread;

		if (!other || !in_call(other) || task->flags & PF_EXITING)
			continue;
		sigandnsets(&theirs, &current->signal->shared_pending.signal, &task->blocked);
		if (sigisemptyset(&theirs))
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
