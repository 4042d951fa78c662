// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that grows. mem= says how much there may be; what costs something for each page of it,
 * the array of pages, is written when the page allocator has nothing else left, a piece of the
 * largest order at a time. The kernel's own boot on large machines begins like that, and goes on
 * until it has all (CONFIG_DEFERRED_STRUCT_PAGE_INIT): here it does not, and stays as it is then.
 *
 * Pages that are still to come are counted as free ones of the allocator, so that whatever
 * depends on their number (watermarks, limits of dirty pages, /proc/meminfo, sizes that are found
 * at boot) is what it is with all memory there. It takes one more piece when there are none of
 * those that it has, before it looks for any that are in use.
 */
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/vmstat.h>
#include <asm/host_memory.h>
#include "lkl.h"

/* mm/internal.h */
DECLARE_STATIC_KEY_TRUE(deferred_pages);

/* Pages of the zone that the allocator is still to get. */
static unsigned long to_come;

/* There is one of this machine's. */
static struct zone *the_zone(void)
{
	return &NODE_DATA(0)->node_zones[ZONE_NORMAL];
}

static void count(struct zone *zone, long pages)
{
	to_come += pages;
	atomic_long_add(pages, &zone->managed_pages);
	zone_page_state_add(pages, zone, NR_FREE_PAGES);
}

/* It gives the page allocator what is there of the memory, and says how much there may be. */
void __real_memblock_free_all(void);
void __wrap_memblock_free_all(void);
void __init __wrap_memblock_free_all(void)
{
	__real_memblock_free_all();
	count(the_zone(), totalram_pages() - zone_managed_pages(the_zone()));
}

/* They are about to be written: one call of the host in place of many faults. */
static void populate(unsigned long first, unsigned long end)
{
	lkl_memory->populate(lkl_memory->instance, pfn_to_page(first),
			     (end - first) * sizeof(struct page), 0);
}

bool __real_deferred_grow_zone(struct zone *zone, unsigned int order);
bool __wrap_deferred_grow_zone(struct zone *zone, unsigned int order);
bool __ref __wrap_deferred_grow_zone(struct zone *zone, unsigned int order)
{
	unsigned long first = NODE_DATA(0)->first_deferred_pfn, before, flags;
	bool grown;

	if (!pfn_valid(first))
		return false;
	local_irq_save(flags);
	populate(first, min(first + PAGES_PER_SECTION, zone_end_pfn(zone)));
	before = zone_managed_pages(zone);
	grown = __real_deferred_grow_zone(zone, order);
	count(zone, before - zone_managed_pages(zone));
	local_irq_restore(flags);
	return grown;
}

/* Many pages at once: it takes what there is, and looks for no more than one else. */
unsigned long __real_alloc_pages_bulk_noprof(gfp_t gfp, int nid, nodemask_t *nodes, int wanted,
					     struct list_head *list, struct page **array);
unsigned long __wrap_alloc_pages_bulk_noprof(gfp_t gfp, int nid, nodemask_t *nodes, int wanted,
					     struct list_head *list, struct page **array);
unsigned long __wrap_alloc_pages_bulk_noprof(gfp_t gfp, int nid, nodemask_t *nodes, int wanted,
					     struct list_head *list, struct page **array)
{
	while (to_come && zone_page_state(the_zone(), NR_FREE_PAGES) - to_come < wanted &&
	       __wrap_deferred_grow_zone(the_zone(), 0))
		;
	return __real_alloc_pages_bulk_noprof(gfp, nid, nodes, wanted, list, array);
}

/* The boot would get all of the memory here. It is made to believe that it has. */
void __real_page_alloc_init_late(void);
void __wrap_page_alloc_init_late(void);
void __init __wrap_page_alloc_init_late(void)
{
	pg_data_t *node = NODE_DATA(0);
	unsigned long first = node->first_deferred_pfn, end = zone_end_pfn(the_zone());

	if (first == ULONG_MAX) {
		__real_page_alloc_init_late();
		return;
	}
	/* what is allocated meanwhile is little */
	if (zone_page_state(the_zone(), NR_FREE_PAGES) - to_come < MAX_ORDER_NR_PAGES / 2)
		__wrap_deferred_grow_zone(the_zone(), 0);
	first = node->first_deferred_pfn;
	node->first_deferred_pfn = ULONG_MAX;
	/* not to be looked at, page block by page block, whether they are in one piece: they are */
	the_zone()->spanned_pages = first - the_zone()->zone_start_pfn;
	__real_page_alloc_init_late();
	the_zone()->spanned_pages = end - the_zone()->zone_start_pfn;
	node->first_deferred_pfn = first;
	static_branch_enable(&deferred_pages);
}
