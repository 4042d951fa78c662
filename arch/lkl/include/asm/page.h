/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_PAGE_H
#define _ASM_LKL_PAGE_H

#include <linux/const.h>
#include <asm/kernel_version.h>

#if LKL_GENERIC_PAGE_SIZE
#include <vdso/page.h>
#else
#define PAGE_SHIFT	12
#define PAGE_SIZE	(_AC(1, UL) << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#endif

/*
 * "Physical" memory is one host mapping, wherever the host puts it. It starts
 * at this physical address: not 0, which memblock takes for a failure, and low,
 * since boot walks all page blocks below the first page.
 */
#define LKL_PHYS_OFFSET	0x1000000UL

#ifndef __ASSEMBLY__

#define clear_page(p)			memset((p), 0, PAGE_SIZE)
#define copy_page(to, from)		memcpy((to), (from), PAGE_SIZE)
#define clear_user_page(p, va, pg)	clear_page(p)
#define copy_user_page(to, from, va, pg) copy_page(to, from)

typedef struct { unsigned long pte; } pte_t;
#ifdef CONFIG_MMU
typedef struct { unsigned long pmd; } pmd_t;
typedef struct { unsigned long pud; } pud_t;
#else
typedef struct { unsigned long pmd[16]; } pmd_t;
#endif
typedef struct { unsigned long pgd; } pgd_t;
typedef struct { unsigned long pgprot; } pgprot_t;
typedef struct page *pgtable_t;

#define pte_val(x)	((x).pte)
#define pgd_val(x)	((x).pgd)
#define pgprot_val(x)	((x).pgprot)
#define __pte(x)	((pte_t) { (x) })
#define __pgd(x)	((pgd_t) { (x) })
#define __pgprot(x)	((pgprot_t) { (x) })

#ifdef CONFIG_MMU
#define pmd_val(x)	((x).pmd)
#define pud_val(x)	((x).pud)
#define __pmd(x)	((pmd_t) { (x) })
#define __pud(x)	((pud_t) { (x) })
#else
#define pmd_val(x)	((&x)->pmd[0])
#define __pmd(x)	((pmd_t) { { (x) } })
#endif

/* host addresses of the memory, fixed at boot */
extern unsigned long memory_start, memory_end;

#define PAGE_OFFSET	memory_start
#define ARCH_PFN_OFFSET	(LKL_PHYS_OFFSET >> PAGE_SHIFT)

#define __pa(x)		((unsigned long)(x) - memory_start + LKL_PHYS_OFFSET)
#define __va(x)		((void *)((unsigned long)(x) - LKL_PHYS_OFFSET + memory_start))

static inline unsigned long virt_to_pfn(const void *kaddr)
{
	return __pa(kaddr) >> PAGE_SHIFT;
}
#define virt_to_pfn virt_to_pfn

static inline void *pfn_to_virt(unsigned long pfn)
{
	return __va(pfn << PAGE_SHIFT);
}
#define pfn_to_virt pfn_to_virt

#define virt_to_page(addr)	pfn_to_page(virt_to_pfn(addr))
#define page_to_virt(page)	pfn_to_virt(page_to_pfn(page))
#if !LKL_GENERIC_PAGE_SIZE
#define page_to_phys(page)	((phys_addr_t)page_to_pfn(page) << PAGE_SHIFT)
#define phys_to_page(phys)	pfn_to_page((phys) >> PAGE_SHIFT)
#endif

static inline int pfn_valid(unsigned long pfn)
{
	return pfn - ARCH_PFN_OFFSET < (memory_end - memory_start) >> PAGE_SHIFT;
}
#define pfn_valid pfn_valid

#define virt_addr_valid(kaddr) \
	((unsigned long)(kaddr) >= memory_start && (unsigned long)(kaddr) < memory_end)

/* What the page allocator gets at once, of memory that it has not yet had: kernel/grow.c. */
#define PAGES_PER_SECTION	MAX_ORDER_NR_PAGES

#endif /* __ASSEMBLY__ */

#include <asm-generic/memory_model.h>
#include <asm-generic/getorder.h>

#endif
