// SPDX-License-Identifier: GPL-2.0
/* Memory without page tables: nothing is mapped, and no fault is anything but a mistake. */
#include <linux/mm.h>
#include <asm/host_memory.h>
#include "lkl.h"

void *lkl_memory_alloc(unsigned long size, unsigned long align)
{
	return lkl_host->mem_alloc(lkl_host->instance, size, align);
}

void lkl_page_array_begins(void *array)
{
}

bool lkl_is_mapped_for_user(const void __user *address)
{
	return false;
}

void lkl_user_memory_begins(void)
{
}

long lkl_user_page_fault(unsigned long address, bool write)
{
	return LKL_FAULT_SEGV;
}

/* The application's memory is no file: it can't be had at one more address. */
long lkl_memory_import(unsigned long start, unsigned long size)
{
	return -EOPNOTSUPP;
}

long lkl_memory_release(unsigned long start, unsigned long size)
{
	return -EOPNOTSUPP;
}

long lkl_imported_pages(unsigned long start, unsigned long wanted, struct page **pages)
{
	return -ENOENT;
}

int lkl_kernel_page_fault(lkl_u64 address, int write, int in_kernel)
{
	return LKL_FAULT_OTHER;
}

/* Nobody is sent here. */
void lkl_kernel_user_fault_entry(void)
{
}
