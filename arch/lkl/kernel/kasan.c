// SPDX-License-Identifier: GPL-2.0
/*
 * KASAN with page tables: the shadow of the kernel's window (vmalloc(), vmap(), vm_map_ram()).
 * mm/kasan/shadow.c takes pages of the kernel's for it, and maps them by page tables. Here the
 * host has mapped the shadow of all addresses (asm/kasan.h): a page of it is there as soon as
 * it is written, and goes back to the host when nobody has any of what it is the shadow of. As
 * memory of the host's own it reads as zeros then, as before: accessible. Nothing is mapped
 * there, so an access is a fault that nobody serves.
 *
 * The linker puts these functions in the place of those, which have another name since 6.18.
 */
#include <linux/compiler.h>
#include <linux/kasan.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <../mm/kasan/kasan.h>
#include "lkl.h"

/* Some versions have one parameter more: how to allocate. Nothing is allocated here. */
int __wrap_kasan_populate_vmalloc(unsigned long start, unsigned long size);
int __wrap_kasan_populate_vmalloc(unsigned long start, unsigned long size)
{
	void *first = kasan_mem_to_shadow((void *)start);
	void *end = kasan_mem_to_shadow((void *)start + size);

	if (!is_vmalloc_addr((void *)start))
		return 0;
	memset(first, KASAN_VMALLOC_INVALID, end - first);
	return 0;
}

/*
 * Nobody has what is from free_start to free_end, of which start to end has been had before. Some
 * versions have no flags.
 */
void __wrap_kasan_release_vmalloc(unsigned long start, unsigned long end,
				  unsigned long free_start, unsigned long free_end,
				  unsigned long flags);
void __wrap_kasan_release_vmalloc(unsigned long start, unsigned long end,
				  unsigned long free_start, unsigned long free_end,
				  unsigned long flags)
{
	unsigned long first = max(ALIGN_DOWN(start, KASAN_MEMORY_PER_SHADOW_PAGE),
				  ALIGN(free_start, KASAN_MEMORY_PER_SHADOW_PAGE));
	unsigned long last = min(ALIGN(end, KASAN_MEMORY_PER_SHADOW_PAGE),
				 ALIGN_DOWN(free_end, KASAN_MEMORY_PER_SHADOW_PAGE));

#ifdef KASAN_VMALLOC_PAGE_RANGE
	/* for a flush only, from the first to the last of many: there is more between them */
	if (!(flags & KASAN_VMALLOC_PAGE_RANGE))
		return;
#endif
	if (first < last)
		lkl_host->mem_discard(lkl_host->instance, kasan_mem_to_shadow((void *)first),
				      (last - first) >> KASAN_SHADOW_SCALE_SHIFT);
}

int __wrap___kasan_populate_vmalloc(unsigned long start, unsigned long size)
	__alias(__wrap_kasan_populate_vmalloc);
void __wrap___kasan_release_vmalloc(unsigned long start, unsigned long end,
				    unsigned long free_start, unsigned long free_end,
				    unsigned long flags)
	__alias(__wrap_kasan_release_vmalloc);
