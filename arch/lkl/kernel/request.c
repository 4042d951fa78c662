// SPDX-License-Identifier: GPL-2.0
/* Requests of host threads: how they come to a task, and that they are through. */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <asm/cpu.h>
#include "lkl.h"
#include "request.h"

static struct lkl_host_thread *booting;
static struct task_struct *spawner;
static struct lkl_host_thread *spawn_list;

/* A request is through; from now on the record may belong to the next one. */
void lkl_request_done(struct lkl_host_thread *ht)
{
	bool own = lkl_cpu.runner == ht;

	/* its thread waits, flags are the holder's: nobody else writes it now */
	LKL_STORE_RELEASE(ht->state, ht->state | LKL_REQ_DONE);
	if (unlikely(!own))
		lkl_host->wake(lkl_host->instance, ht);
}

/* The boot is a request, too. */
void lkl_boot_begins(struct lkl_host_thread *self)
{
	booting = self;
}

void lkl_boot_finished(void)
{
	lkl_request_done(booting);
}

static void take_orphan(struct lkl_host_thread *ht)
{
	struct task_struct *task = ht->task;

	if (!task)
		return;
	if ((ht->state & LKL_REQ_PHASE) == LKL_REQ_RUNNING) {
		/* in a call: interrupt it, lkl_task_loop() does the rest */
		set_notify_signal(task);
	} else {
		ht->nr = LKL_NR_THREAD_EXIT;
		ht->state = (ht->state & ~LKL_REQ_PHASE) | LKL_REQ_POSTED;
		wake_up_process(task);
	}
}

/* LKL_CPU_ENTER: wake the tasks of threads that have posted a request. */
void lkl_take_entries(void)
{
	struct lkl_host_thread *list, *next, *ordered = NULL;
	u32 state;

	LKL_FETCH_AND(lkl_cpu.word, ~LKL_CPU_ENTER);
	list = LKL_XCHG(lkl_cpu.enter_list, NULL);
	for (; list; list = next) {
		next = list->next;
		list->next = ordered;
		ordered = list;
	}
	for (; ordered; ordered = next) {
		next = ordered->next;
		/* from here on it may be queued again */
		state = LKL_FETCH_AND(ordered->state, ~LKL_REQ_QUEUED);
		if (unlikely(state & LKL_REQ_ORPHAN)) {
			take_orphan(ordered);
		} else if (likely(ordered->task)) {
			wake_up_process(ordered->task);
		} else if (lkl_request_posted(ordered) && !(state & LKL_REQ_SPAWNING)) {
			/* else: the entry is older than the end of its task */
			LKL_FETCH_OR(ordered->state, LKL_REQ_SPAWNING);
			ordered->next_spawn = spawn_list;
			spawn_list = ordered;
			wake_up_process(spawner);
		}
	}
}

/* The task that makes those of new threads. */
void lkl_spawns_begin(void)
{
	spawner = current;
}

/* The next record without a task; NULL if there is none. Interrupts are off. */
struct lkl_host_thread *lkl_next_spawn(void)
{
	struct lkl_host_thread *ht = spawn_list;

	if (ht)
		spawn_list = ht->next_spawn;
	return ht;
}

/* The end of the current task, which is that of a request as well. */
void __noreturn lkl_host_thread_exit(struct lkl_host_thread *ht)
{
	current->thread.host_thread = NULL;
	ht->task = NULL;
	ht->stack_top = 0;
	ht->ret = 0;
	if (lkl_cpu.runner == ht)
		lkl_cpu.serve_until = lkl_clock() + LKL_SERVE_NS;
	lkl_request_done(ht);
	do_exit(0);
}
