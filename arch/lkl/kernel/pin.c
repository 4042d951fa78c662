// SPDX-License-Identifier: GPL-2.0
/*
 * Pins of user pages. Without CONFIG_MMU mm/gup.c takes one reference to a page, whatever it
 * is asked for; who has pinned it gives back a pin, which is GUP_PIN_COUNTING_BIAS references
 * or one and a count of pins. Each direct I/O would leave its pages with counts far below
 * zero: they are neither freed nor safe. Here the reference becomes the pin that was asked for,
 * as does one to a page of imported memory, which mm/gup.c does not know in either model.
 */
#include <linux/mm.h>
#include <linux/vmstat.h>
#include <asm/kernel_version.h>
#include "lkl.h"

static atomic_t *pins_of(struct folio *folio)
{
#if !LKL_FOLIOS_COUNT_PINS
	return compound_pincount_ptr(&folio->page);
#else
	return &folio->_pincount;
#endif
}

/* User memory never has the zero page here, which would not be pinned: nothing maps it. */
static long pinned(struct page **pages, long count)
{
	long i;

	for (i = 0; i < count; i++) {
		struct folio *folio = page_folio(pages[i]);

		if (folio_test_large(folio))
			atomic_inc(pins_of(folio));
		else
			folio_ref_add(folio, GUP_PIN_COUNTING_BIAS - 1);
		node_stat_mod_folio(folio, NR_FOLL_PIN_ACQUIRED, 1);
	}
	return count;
}

/* With page tables they are pins already. */
static long pinned_by_gup(struct page **pages, long count)
{
	return IS_ENABLED(CONFIG_MMU) ? count : pinned(pages, count);
}

int __real_pin_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags,
			       struct page **pages);
int __wrap_pin_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags,
			       struct page **pages);
int __wrap_pin_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags,
			       struct page **pages)
{
	long imported = lkl_imported_pages(start, nr_pages, pages);

	if (imported != -ENOENT)
		return pinned(pages, imported);
	return pinned_by_gup(pages, __real_pin_user_pages_fast(start, nr_pages, gup_flags, pages));
}

#if LKL_PIN_TELLS_AREAS
long __real_pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, struct vm_area_struct **vmas);
long __wrap_pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, struct vm_area_struct **vmas);
long __wrap_pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages, struct vm_area_struct **vmas)
{
	long imported = vmas ? -ENOENT : lkl_imported_pages(start, nr_pages, pages);

	if (imported != -ENOENT)
		return pinned(pages, imported);
	return pinned_by_gup(pages,
			     __real_pin_user_pages(start, nr_pages, gup_flags, pages, vmas));
}
#else
long __real_pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages);
long __wrap_pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages);
long __wrap_pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags,
			   struct page **pages)
{
	long imported = lkl_imported_pages(start, nr_pages, pages);

	if (imported != -ENOENT)
		return pinned(pages, imported);
	return pinned_by_gup(pages, __real_pin_user_pages(start, nr_pages, gup_flags, pages));
}
#endif
