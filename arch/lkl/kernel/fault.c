// SPDX-License-Identifier: GPL-2.0
/*
 * Faults. The host's handler asks where to go on. These functions run in a signal
 * handler, or what the host has for it: they only look at tables.
 */
#include <linux/bug.h>
#include <linux/extable.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/pagemap.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <asm/extable.h>
#include <asm/futex.h>
#include <asm/page.h>
#include <asm/sections.h>
#include "lkl.h"

int lkl_kernel_owns(lkl_u64 pc)
{
	return pc >= (unsigned long)_stext && pc < (unsigned long)_einittext;
}

lkl_u64 lkl_kernel_fixup(lkl_u64 pc)
{
	const struct exception_table_entry *entry;

	if (!lkl_kernel_owns(pc))
		return 0;
	/* not search_exception_tables(), which the function tracer sees */
	entry = search_extable(__start___ex_table, __stop___ex_table - __start___ex_table, pc);
	return entry ? (unsigned long)&entry->fixup + entry->fixup : 0;
}

/* Room for printk() and the end of a task, above the guard page. */
#define FAULT_STACK_ROOM	(2 * PAGE_SIZE + SZ_4K)

static bool on_kernel_stack(unsigned long sp)
{
	unsigned long init_stack = (unsigned long)task_stack_page(&init_task);

	return (sp >= memory_start && sp < memory_end) ||
	       (sp >= init_stack && sp < init_stack + THREAD_SIZE);
}

lkl_u64 lkl_kernel_oops(lkl_u64 sp)
{
	if (sp % THREAD_SIZE < FAULT_STACK_ROOM || !on_kernel_stack(sp))
		return 0;
	return (unsigned long)lkl_fault_entry;
}

/*
 * A bug in the kernel. It costs a kernel thread its life, as everywhere; a thread
 * of the application can't be taken from it in the middle of a call.
 */
static void __noreturn die(const char *why)
{
	show_regs_print_info(KERN_ALERT);
	show_stack(NULL, NULL, KERN_ALERT);
	add_taint(TAINT_DIE, LOCKDEP_NOW_UNRELIABLE);
	oops_exit();

	if (in_interrupt() || panic_on_oops || !(current->flags & PF_KTHREAD))
		panic("%s", why);
	make_task_dead(SIGSEGV);
}

asmlinkage void __noreturn lkl_fault(unsigned long address, unsigned long pc)
{
	char name[128];

	oops_enter();
	pr_alert("BUG: unable to handle access to address %016lx at %s\n", address,
		 lkl_name_address(pc, name, sizeof(name)));
	die("Fatal exception");
}

void __noreturn lkl_bug(const char *file, int line, const char *function)
{
	oops_enter();
	pr_alert("BUG: failure at %s:%d/%s()!\n", file, line, function);
	die("BUG!");
}
EXPORT_SYMBOL(lkl_bug);

/*
 * Memory that is not the kernel's is there or not: nothing is to be faulted in, but who has met
 * a fault wants to know whether trying again makes sense. What can be read but not
 * written is found out by the second try, which then ends.
 */
size_t __real_fault_in_safe_writeable(const char __user *uaddr, size_t size);
size_t __wrap_fault_in_safe_writeable(const char __user *uaddr, size_t size);
size_t __wrap_fault_in_safe_writeable(const char __user *uaddr, size_t size)
{
	if (lkl_is_mapped_for_user(uaddr))
		return __real_fault_in_safe_writeable(uaddr, size);
	return fault_in_readable(uaddr, size);
}

/* A futex; its users try until it works, so it has to be known here. */
int __real_fault_in_user_writeable(u32 __user *uaddr);
int __wrap_fault_in_user_writeable(u32 __user *uaddr);
int __wrap_fault_in_user_writeable(u32 __user *uaddr)
{
	u32 value, found;

	if (lkl_is_mapped_for_user(uaddr))
		return __real_fault_in_user_writeable(uaddr);
	if (get_user(value, uaddr))
		return -EFAULT;
	return futex_atomic_cmpxchg_inatomic(&found, uaddr, value, value);
}
