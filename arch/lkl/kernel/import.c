// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the application that has become pages of the kernel, and stays at the address where
 * the application had it. No page table has it and no flush takes it away, so the host's own
 * calls may be given it. Who wants pages of the application's memory (direct I/O, registered
 * buffers, splice) finds them here.
 */
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/host_memory.h>
#include <asm/kernel_version.h>
#include "lkl.h"

struct import {
	unsigned long start;
	unsigned long count;
	struct page *pages[];
};

static DEFINE_MTREE(imports);

static unsigned long size_of(const struct import *import)
{
	return import->count * PAGE_SIZE;
}

/* Not those that somebody still has pinned. */
static void free_import(struct import *import)
{
	unsigned long i;

	for (i = 0; i < import->count; i++)
		if (import->pages[i])
			put_page(import->pages[i]);
	kvfree(import);
}

/* In few pieces, since each is a mapping of the host; an error if there are none, not a panic. */
static bool get_pages(struct import *import)
{
	unsigned long done = 0, i;

	while (done < import->count) {
		unsigned int order = min_t(unsigned int, ilog2(import->count - done),
					   MAX_PAGE_ORDER);
		struct page *pages;

		for (;;) {
			pages = alloc_pages(GFP_USER | __GFP_NOWARN |
					    (order ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL), order);
			if (pages || !order)
				break;
			order--;
		}
		if (!pages)
			return false;
		split_page(pages, order);
		for (i = 0; i < 1UL << order; i++)
			import->pages[done++] = pages + i;
	}
	return true;
}

static bool copy_in(struct import *import)
{
	unsigned long i;

	for (i = 0; i < import->count; i++)
		if (copy_from_user(page_address(import->pages[i]),
				   (void __user *)(import->start + i * PAGE_SIZE), PAGE_SIZE))
			return false;
	return true;
}

/* The number of pages that are at the application's address now. */
static unsigned long lend(struct import *import)
{
	unsigned long done = 0, run;

	while (done < import->count) {
		for (run = 1; done + run < import->count; run++)
			if (import->pages[done + run] != import->pages[done] + run)
				break;
		if (lkl_memory->lend(lkl_memory->instance,
				     (void *)(import->start + done * PAGE_SIZE),
				     page_address(import->pages[done]), run * PAGE_SIZE))
			break;
		done += run;
	}
	return done;
}

static bool is_of_application(unsigned long start, unsigned long size)
{
	unsigned long end = start + size;

	if (!size || offset_in_page(start) || offset_in_page(size) || end < start ||
	    end > TASK_SIZE)
		return false;
	return (end <= memory_start || start >= memory_end) &&
	       (end <= lkl_vmalloc_start || start >= lkl_user_end);
}

long lkl_memory_import(unsigned long start, unsigned long size)
{
	struct import *import;
	unsigned long lent;
	int error = -ENOMEM;

	if (!is_of_application(start, size))
		return -EINVAL;
	if (size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;
	import = kvzalloc(struct_size(import, pages, size >> PAGE_SHIFT),
			  GFP_KERNEL | __GFP_NOWARN);
	if (!import)
		return -ENOMEM;
	import->start = start;
	import->count = size >> PAGE_SHIFT;
	if (!get_pages(import))
		goto out;
	error = -EFAULT;
	if (!copy_in(import))
		goto out;
	error = mtree_insert_range(&imports, start, start + size - 1, import, GFP_KERNEL);
	if (error)
		goto out;
	lent = lend(import);
	if (lent == import->count)
		return 0;
	mtree_erase(&imports, start);
	if (lent)
		lkl_memory->take_back(lkl_memory->instance, (void *)start, lent * PAGE_SIZE);
	error = -ENOMEM;
out:
	free_import(import);
	return error;
}

long lkl_memory_release(unsigned long start, unsigned long size)
{
	struct import *import = mtree_load(&imports, start);

	if (!import || import->start != start || size_of(import) != size)
		return -EINVAL;
	if (lkl_memory->take_back(lkl_memory->instance, (void *)start, size))
		return -ENOMEM;
	mtree_erase(&imports, start);
	free_import(import);
	return 0;
}

/*
 * References to pages of imported memory: -ENOENT if it is none, else how many were had; fewer
 * than wanted where it ends.
 */
long lkl_imported_pages(unsigned long start, unsigned long wanted, struct page **pages)
{
	struct import *import = mtree_load(&imports, start);
	unsigned long first, i;

	if (!import)
		return -ENOENT;
	first = (start - import->start) >> PAGE_SHIFT;
	wanted = min(wanted, import->count - first);
	for (i = 0; i < wanted; i++) {
		get_page(import->pages[first + i]);
		if (pages)
			pages[i] = import->pages[first + i];
	}
	return wanted;
}

int __real_get_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags,
			       struct page **pages);
int __wrap_get_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags,
			       struct page **pages);
int __wrap_get_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags,
			       struct page **pages)
{
	long imported = lkl_imported_pages(start, nr_pages, pages);

	return imported != -ENOENT ? imported :
				     __real_get_user_pages_fast(start, nr_pages, gup_flags, pages);
}
