/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_PGALLOC_H
#define _ASM_LKL_PGALLOC_H

#include <asm-generic/pgalloc.h>

#ifdef CONFIG_MMU
pgd_t *pgd_alloc(struct mm_struct *mm);

static inline void pmd_populate_kernel(struct mm_struct *mm, pmd_t *pmd, pte_t *pte)
{
	set_pmd(pmd, __pmd(__pa(pte) | _PAGE_TABLE));
}

static inline void pmd_populate(struct mm_struct *mm, pmd_t *pmd, pgtable_t pte)
{
	set_pmd(pmd, __pmd(page_to_phys(pte) | _PAGE_TABLE));
}

static inline void pud_populate(struct mm_struct *mm, pud_t *pud, pmd_t *pmd)
{
	set_pud(pud, __pud(__pa(pmd) | _PAGE_TABLE));
}

static inline void p4d_populate(struct mm_struct *mm, p4d_t *p4d, pud_t *pud)
{
	set_p4d(p4d, __p4d(__pa(pud) | _PAGE_TABLE));
}
#elif defined(CONFIG_KASAN)
/*
 * mm/kasan/init.c maps a shadow by page tables. Here the host maps it and nothing of
 * that file is ever called; it is compiled all the same, and wants these names.
 */
#define PGDIR_SHIFT				39
#define PGDIR_SIZE				(1UL << PGDIR_SHIFT)
#define PMD_SHIFT				21
#define PMD_SIZE				(1UL << PMD_SHIFT)
#define pgd_addr_end(addr, end)			(end)
#define pmd_addr_end(addr, end)			(end)
#define pgd_offset_k(addr)			((pgd_t *)NULL)
#define ARCH_PAGE_TABLE_SYNC_MASK		0
#define arch_sync_kernel_mappings(start, end)	((void)(start))
#define pud_populate(mm, pud, pmd)		((void)(pmd))
#define pud_none(pud)				(pud_val(pud) == 0)
#define pud_present(pud)			(!pud_none(pud))
#define pud_clear(pud)				((void)(pud))
#define pmd_clear(pmd)				((void)(pmd))
#define pmd_populate_kernel(mm, pmd, pte)	((void)(pte))
#define p4d_alloc(mm, pgd, addr)		((p4d_t *)(pgd))
#define pud_alloc(mm, p4d, addr)		((pud_t *)(p4d))
#define pmd_alloc(mm, pud, addr)		((pmd_t *)NULL)
#define pmd_free(mm, pmd)			((void)(pmd))
#define pmd_none(pmd)				(pmd_val(pmd) == 0)
#define pmd_present(pmd)			(!pmd_none(pmd))
#define pmd_page(pmd)				((struct page *)pmd_val(pmd))
#define pte_alloc_one_kernel(mm)		((pte_t *)NULL)
#define pte_free_kernel(mm, pte)		((void)(pte))
#define pte_offset_kernel(pmd, addr)		((pte_t *)(pmd))
#define pte_page(pte)				((struct page *)pte_val(pte))
#define pte_none(pte)				(pte_val(pte) == 0)
#define pte_present(pte)			(!pte_none(pte))
#define pte_clear(mm, addr, pte)		((void)(*(pte) = __pte(0)))
#define pte_wrprotect(pte)			(pte)
#define pfn_pte(pfn, prot)			__pte((pfn) << PAGE_SHIFT)
#define ptep_get(pte)				(*(pte))
#define set_pte_at(mm, addr, pte, value)	((void)(*(pte) = (value)))
#endif

#endif
