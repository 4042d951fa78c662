// SPDX-License-Identifier: GPL-2.0
/* Where the memory is, and how to ask the host about it: what both models look at. */
#include <linux/export.h>
#include <asm/host_memory.h>
#include <asm/page.h>
#include "lkl.h"

unsigned long memory_start, memory_end;
EXPORT_SYMBOL(memory_start);
EXPORT_SYMBOL(memory_end);

const struct lkl_memory_calls *lkl_memory;

void lkl_kernel_memory_calls(const struct lkl_memory_calls *calls)
{
	lkl_memory = calls;
}
