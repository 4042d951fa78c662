// SPDX-License-Identifier: GPL-2.0
/* The virtual CPU as kernel code sees it, on kernel stacks: how it lets go of it. */
#include <linux/cpu.h>
#include <linux/init.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/start_kernel.h>
#include <linux/tick.h>
#include <asm/host_ops.h>
#include <asm/setup.h>
#include <asm/cpu.h>
#include "lkl.h"

/* Idle: until a host thread comes back with something pending. */
void lkl_cpu_leave(void)
{
	lkl_cpu.mode = LKL_MODE_KERNEL;
	lkl_swap_stacks(&lkl_cpu.sp, lkl_cpu.runner->host_sp);
}

void lkl_cpu_hand_over(void)
{
	lkl_cpu.hand_overs++;
	lkl_cpu.leave |= LKL_LEAVE_HAND_OVER;
	lkl_cpu_leave();
}

/* The runner was not to go on for longer than this, or not with I/O kept for it. */
void lkl_cpu_limit_reached(void)
{
	if (!(lkl_cpu.leave & LKL_LEAVE_IO)) {
		lkl_cpu_hand_over();
		return;
	}
	/* Idle: it leaves, and does its I/O. Otherwise that must not wait for what runs now. */
	if (is_idle_task(current))
		return;
	lkl_cpu.leave &= ~LKL_LEAVE_IO;
	lkl_cpu.serve_until = LKL_NO_TIME_LIMIT;
	lkl_host->kept_io_pass_on(lkl_host->instance, lkl_cpu.runner);
}

/*
 * The idle loop keeps the tick until it has been idle for a whole one, since who idles is often
 * back at once. When the executor is the CPU nobody waits: that tick would wake it for nothing.
 */
void arch_cpu_idle_enter(void)
{
	if (lkl_cpu.runner == lkl_executor)
		tick_nohz_idle_stop_tick();
}

void arch_cpu_idle(void)
{
	if (!lkl_cpu_pending())
		lkl_cpu_leave();
}

void lkl_boot_on_stack(struct lkl_host_thread *self)
{
	start_kernel();
}

/* On the host stack of the thread that boots. */
int lkl_boot_prepare(const char *command_line, u64 *stack_top)
{
	void *stack;
	int err, i;

	for (i = 0; command_line[i] && i < COMMAND_LINE_SIZE - 1; i++)
		boot_command_line[i] = command_line[i];
	boot_command_line[i] = 0;

	err = lkl_mm_reserve(boot_command_line);
	if (err)
		return err;
	/* The linker can't align init_stack to THREAD_SIZE in a relocatable object. */
	stack = lkl_host->mem_alloc(lkl_host->instance, THREAD_SIZE, THREAD_SIZE);
	if (!stack)
		return -ENOMEM;
	*stack_top = (unsigned long)stack + THREAD_SIZE - LKL_STACK_TOP_RESERVE;
	*(struct task_struct **)*stack_top = &init_task;
	init_task.stack = stack;
	lkl_host->stack_on(lkl_host->instance, stack, THREAD_SIZE);
	return 0;
}
