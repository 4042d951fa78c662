// SPDX-License-Identifier: GPL-2.0
/*
 * Faults. The host's handler asks where to go on. These functions run in a signal
 * handler, or what the host has for it: they only look at tables.
 */
#include <linux/extable.h>
#include <linux/kernel.h>
#include <asm/extable.h>
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
