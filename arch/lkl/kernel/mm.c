// SPDX-License-Identifier: GPL-2.0
/*
 * Memory: one host mapping whose pages cost nothing until touched, and are given
 * back when the kernel has no use for them. With page tables: mapped.c.
 */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/page_reporting.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include <asm/host_memory.h>
#include <asm/kernel_version.h>
#include "lkl.h"

#define DEFAULT_MEMORY	SZ_256M
#define MIN_MEMORY	SZ_16M
#define MEMORY_ALIGN	SZ_4M

#if !LKL_GENERIC_ZERO_PAGE
void *empty_zero_page;
EXPORT_SYMBOL(empty_zero_page);
#endif

static void *memory;
static unsigned long memory_size;

static int __init mem_is_known(char *arg)
{
	return 0;
}
early_param("mem", mem_is_known);

/* Is this the word mem=, at the beginning or after a blank? The last one counts. */
static unsigned long size_on_command_line(const char *command_line)
{
	unsigned long size = DEFAULT_MEMORY;
	const char *at;

	for (at = command_line; *at; at++)
		if ((at == command_line || at[-1] == ' ') && at[0] == 'm' && at[1] == 'e' &&
		    at[2] == 'm' && at[3] == '=')
			size = memparse(at + 4, NULL);
	return size;
}

/* Before the boot, which can't fail in a way that the program survives. */
int lkl_mm_reserve(const char *command_line)
{
	memory_size = round_down(max_t(unsigned long, size_on_command_line(command_line),
				       MIN_MEMORY), MEMORY_ALIGN);
	memory = lkl_memory_alloc(memory_size, MEMORY_ALIGN);
	return memory ? 0 : -ENOMEM;
}

unsigned long lkl_mm_size(void)
{
	return memory_size;
}

/* As free_area_init() makes it: of whole blocks of the largest order. */
static unsigned long __init size_of_page_array(void)
{
	unsigned long first = round_down(min_low_pfn, MAX_ORDER_NR_PAGES);

	return (round_up(max_low_pfn, MAX_ORDER_NR_PAGES) - first) * sizeof(struct page);
}

/* At the end of the memory. */
static void *__init page_array(void)
{
	return (void *)memory_end - size_of_page_array();
}

static struct page *__init first_page(void)
{
	return (struct page *)page_array() + min_low_pfn % MAX_ORDER_NR_PAGES;
}

/* What the boot is going to write: the page allocator begins with the first pages. */
static void __init populate_boot_memory(void *base)
{
	struct page *first = first_page();
	unsigned long count = memory_size >> PAGE_SHIFT;
	/* DEBUG_VM gives each entry of the array a pattern, when there is one: page_init_poison() */
	bool whole = !IS_ENABLED(CONFIG_DEFERRED_STRUCT_PAGE_INIT) || IS_ENABLED(CONFIG_DEBUG_VM);

	if (!whole)
		count = min_t(unsigned long, count, PAGES_PER_SECTION);
	lkl_memory->populate(lkl_memory->instance, first, count * sizeof(*first), whole);
	lkl_memory->populate(lkl_memory->instance, base, CONFIG_LKL_BOOT_MEMORY * SZ_1K, 0);
}

/* When each page has its entry in the array of pages, and before the page allocator begins. */
static void __init pages_are_described(void)
{
	void *zeros;

	if (mem_map != first_page())
		panic("The array of pages is not at the end of the memory");
	if (IS_ENABLED(CONFIG_DEFERRED_STRUCT_PAGE_INIT)) {
		/*
		 * No memory any more, so that its own pages need not be described in it, but for
		 * those in one block with pages that are memory: the page allocator looks at each
		 * page of a block.
		 */
		phys_addr_t first = round_up(__pa(page_array()), MAX_ORDER_NR_PAGES * PAGE_SIZE);

		if (first < __pa(memory_end)) {
			memblock_remove(first, __pa(memory_end) - first);
			memblock_phys_free(first, __pa(memory_end) - first);
		}
	}
	zeros = memblock_alloc(PAGE_SIZE, PAGE_SIZE);
	if (!zeros)
		panic("No memory for a page");
#if LKL_GENERIC_ZERO_PAGE
	__zero_page = virt_to_page(zeros);
#else
	empty_zero_page = zeros;
#endif
}

#if LKL_GENERIC_MM_INIT
void __init arch_zone_limits_init(unsigned long *zone_ends)
{
	zone_ends[ZONE_NORMAL] = max_low_pfn;
}

void __init arch_mm_preinit(void)
{
	pages_are_described();
}

/* Not one of the image's, which has no entry in the array. */
void __init arch_setup_zero_pages(void)
{
}
#else
static void __init describe_pages(void)
{
	unsigned long zone_ends[MAX_NR_ZONES] = { [ZONE_NORMAL] = max_low_pfn };

	free_area_init(zone_ends);
	pages_are_described();
}

void __init mem_init(void)
{
	memblock_free_all();
}
#endif

void __init lkl_mm_setup(void)
{
	memory_start = (unsigned long)memory;
	memory_end = memory_start + memory_size;
	lkl_host->mem_register(lkl_host->instance, memory, LKL_PHYS_OFFSET, memory_size);

	high_memory = (void *)memory_end;
	min_low_pfn = PFN_DOWN(LKL_PHYS_OFFSET);
	max_low_pfn = PFN_DOWN(LKL_PHYS_OFFSET + memory_size);
	max_pfn = max_low_pfn;
	max_mapnr = max_low_pfn;
	memblock_add(LKL_PHYS_OFFSET, memory_size);
	lkl_page_array_begins(page_array());
	populate_boot_memory(memory);
#if !LKL_GENERIC_MM_INIT
	describe_pages();
#endif
}

/* Not a separate part of the image: the host library may boot it again. */
void free_initmem(void)
{
}

#if defined(CONFIG_KASAN) && !defined(CONFIG_MMU)
/* mm/kasan/shadow.c has modules in mind; there are no areas of vmalloc() here. */
struct vm_struct *find_vm_area(const void *addr)
{
	return NULL;
}
#endif

#ifdef CONFIG_PAGE_REPORTING
static int report_free_pages(struct page_reporting_dev_info *dev, struct scatterlist *sgl,
			     unsigned int nents)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(sgl, sg, nents, i)
		lkl_host->mem_discard(lkl_host->instance, sg_virt(sg), sg->length);
	return 0;
}

static struct page_reporting_dev_info reporting = {
	.report	= report_free_pages,
	.order	= 6,	/* 256 KiB */
};

static int __init register_reporting(void)
{
	/* what has been given back does not read as the pattern that is looked for then */
	if (page_poisoning_enabled())
		return 0;
	return page_reporting_register(&reporting);
}
late_initcall(register_reporting);
#endif
