// SPDX-License-Identifier: GPL-2.0
/*
 * Faults. The host's handler asks where to go on. These functions run in a signal
 * handler, or what the host has for it: they only look at tables.
 */
#include <linux/extable.h>
#include <linux/kernel.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>
#include <asm/extable.h>
#include <asm/futex.h>
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
	entry = search_exception_tables(pc);
	return entry ? (unsigned long)&entry->fixup + entry->fixup : 0;
}

/*
 * Memory of the host is there or not: nothing is to be faulted in, but who has met
 * a fault wants to know whether trying again makes sense. What can be read but not
 * written is found out by the second try, which then ends.
 */
size_t __wrap_fault_in_safe_writeable(const char __user *uaddr, size_t size);
size_t __wrap_fault_in_safe_writeable(const char __user *uaddr, size_t size)
{
	return fault_in_readable(uaddr, size);
}

/* A futex; its users try until it works, so it has to be known here. */
int __wrap_fault_in_user_writeable(u32 __user *uaddr);
int __wrap_fault_in_user_writeable(u32 __user *uaddr)
{
	u32 value, found;

	if (get_user(value, uaddr))
		return -EFAULT;
	return futex_atomic_cmpxchg_inatomic(&found, uaddr, value, value);
}
