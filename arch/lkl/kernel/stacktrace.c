// SPDX-License-Identifier: GPL-2.0
/* Walking kernel stacks: by frame pointers if they are there, by looking if not. */
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <asm/host_debug.h>
#include <asm/sections.h>
#include "lkl.h"

static bool is_text(unsigned long addr)
{
	return addr >= (unsigned long)_stext && addr < (unsigned long)_einittext;
}

/* Calls fn for each return address, innermost first, until it says enough. */
static void walk(struct task_struct *task, unsigned long sp,
		 bool (*fn)(void *cookie, unsigned long), void *cookie)
{
	unsigned long bottom = (unsigned long)task_stack_page(task);
	unsigned long top = bottom + THREAD_SIZE - LKL_STACK_TOP_RESERVE;

	if (sp < bottom || sp >= top)
		return;
#ifdef CONFIG_FRAME_POINTER
	/* sp is a frame pointer: the caller's frame pointer, then the return address */
	while (sp >= bottom && sp + 2 * sizeof(long) <= top && !(sp & 7)) {
		unsigned long *frame = (unsigned long *)sp;

		if (!is_text(frame[1]) || !fn(cookie, frame[1]))
			return;
		if (frame[0] <= sp)
			return;
		sp = frame[0];
	}
#else
	for (sp = round_up(sp, sizeof(long)); sp < top; sp += sizeof(long)) {
		unsigned long word = READ_ONCE_NOCHECK(*(unsigned long *)sp);

		if (is_text(word) && !fn(cookie, word))
			return;
	}
#endif
}

static unsigned long start_of(struct task_struct *task)
{
	if (task == current)
		return (unsigned long)__builtin_frame_address(0);
	/* what lkl_switch_stacks() has left: r15 r14 r13 r12 rbx rbp */
	return IS_ENABLED(CONFIG_FRAME_POINTER) ? task->thread.sp + 5 * sizeof(long) :
						  task->thread.sp;
}

void arch_stack_walk(stack_trace_consume_fn consume_entry, void *cookie, struct task_struct *task,
		     struct pt_regs *regs)
{
	walk(task, start_of(task), consume_entry, cookie);
}

const struct lkl_debug_calls *lkl_debug_calls;

void lkl_kernel_debug_calls(const struct lkl_debug_calls *calls)
{
	lkl_debug_calls = calls;
}

/*
 * What code is at an address to which a call returns. The host has the symbols of this
 * object, and those of the application; without it there may be kallsyms.
 */
const char *lkl_name_address(unsigned long addr, char *text, int size)
{
	if (!lkl_debug_calls || !lkl_debug_calls->name(addr, text, size))
		snprintf(text, size, "%pB", (void *)addr);
	return text;
}

static bool show_entry(void *level, unsigned long addr)
{
	char name[128];

	printk("%s [<%016lx>] %s\n", (const char *)level, addr,
	       lkl_name_address(addr, name, sizeof(name)));
	return true;
}

/* The host knows for sure, down to the application's main(), where we can only look. */
static bool show_current(const char *level)
{
	lkl_u64 addresses[48];
	int i, count = 0;

	if (lkl_debug_calls)
		count = lkl_debug_calls->backtrace(addresses, ARRAY_SIZE(addresses));
	for (i = 0; i < count; i++)
		show_entry((void *)level, addresses[i]);
	return count;
}

void show_stack(struct task_struct *task, unsigned long *sp, const char *level)
{
	if (!task)
		task = current;
	printk("%sCall trace of %s (%d):\n", level, task->comm, task->pid);
	if (task == current && !sp && show_current(level))
		return;
	walk(task, sp ? (unsigned long)sp : start_of(task), show_entry, (void *)level);
}

void show_regs(struct pt_regs *regs)
{
	show_regs_print_info(KERN_DEFAULT);
	show_stack(NULL, NULL, KERN_DEFAULT);
}
