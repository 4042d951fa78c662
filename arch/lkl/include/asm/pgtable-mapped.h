/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_PGTABLE_MAPPED_H
#define _ASM_LKL_PGTABLE_MAPPED_H

/*
 * Page tables that no processor reads: they say what is where in two windows of the host's
 * addresses, one for vmalloc() and its like, one for the application's mappings. The host's
 * own mappings there are a TLB of them (kernel/mapped.c). Four levels for 47 bits of addresses.
 */
#include <linux/const.h>

#define PMD_SHIFT	21
#define PMD_SIZE	(_AC(1, UL) << PMD_SHIFT)
#define PMD_MASK	(~(PMD_SIZE - 1))
#define PUD_SHIFT	30
#define PUD_SIZE	(_AC(1, UL) << PUD_SHIFT)
#define PUD_MASK	(~(PUD_SIZE - 1))
#define PGDIR_SHIFT	39
#define PGDIR_SIZE	(_AC(1, UL) << PGDIR_SHIFT)
#define PGDIR_MASK	(~(PGDIR_SIZE - 1))

#define PTRS_PER_PTE	512
#define PTRS_PER_PMD	512
#define PTRS_PER_PUD	512
#define PTRS_PER_PGD	256

#ifndef __ASSEMBLY__

#include <asm/page.h>
#include <asm-generic/pgtable-nop4d.h>
#include <asm/kernel_version.h>
#include <asm/tlbflush.h>

/* An entry: a physical address and these bits. Above the last entry of a level none are used. */
#define _PAGE_PRESENT		(1UL << 0)
#define _PAGE_READ		(1UL << 1)
#define _PAGE_WRITE		(1UL << 2)
#define _PAGE_EXEC		(1UL << 3)
#define _PAGE_ACCESSED		(1UL << 4)
#define _PAGE_DIRTY		(1UL << 5)
#define _PAGE_SPECIAL		(1UL << 6)
/*
 * What the host has here, if anything, is what the entry says. Set by kernel/mapped.c, and gone
 * with each change of the entry (set_pte()): the host's mapping is dropped at the next flush then.
 */
#define _PAGE_HOST		(1UL << 7)
/* in entries of pages that are not present */
#define _PAGE_SWP_EXCLUSIVE	(1UL << 8)

#define _PAGE_TABLE		_PAGE_PRESENT
#define _PAGE_CHG_MASK		(PAGE_MASK | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_SPECIAL)

#define __PAGE(bits)		__pgprot(_PAGE_PRESENT | _PAGE_ACCESSED | (bits))
#define PAGE_NONE		__PAGE(0)
#define PAGE_READONLY		__PAGE(_PAGE_READ)
#define PAGE_READONLY_EXEC	__PAGE(_PAGE_READ | _PAGE_EXEC)
#define PAGE_SHARED		__PAGE(_PAGE_READ | _PAGE_WRITE)
#define PAGE_SHARED_EXEC	__PAGE(_PAGE_READ | _PAGE_WRITE | _PAGE_EXEC)
#define PAGE_COPY		PAGE_READONLY
#define PAGE_KERNEL		__PAGE(_PAGE_READ | _PAGE_WRITE | _PAGE_DIRTY)
#define PAGE_KERNEL_RO		__PAGE(_PAGE_READ | _PAGE_DIRTY)
#define PAGE_KERNEL_EXEC	PAGE_KERNEL

extern pgd_t swapper_pg_dir[PTRS_PER_PGD];

/* host addresses, fixed at boot */
extern unsigned long lkl_vmalloc_start, lkl_vmalloc_end;
#define VMALLOC_START		lkl_vmalloc_start
#define VMALLOC_END		lkl_vmalloc_end

/* ---- tables of tables ---- */

static inline void set_pmd(pmd_t *pmdp, pmd_t pmd)
{
	*pmdp = pmd;
}

static inline void set_pud(pud_t *pudp, pud_t pud)
{
	*pudp = pud;
}

static inline void set_p4d(p4d_t *p4dp, p4d_t p4d)
{
	*p4dp = p4d;
}

#define LKL_TABLE(level)						\
static inline int level##_none(level##_t entry)				\
{									\
	return !level##_val(entry);					\
}									\
static inline int level##_present(level##_t entry)			\
{									\
	return level##_val(entry) & _PAGE_PRESENT;			\
}									\
static inline int level##_bad(level##_t entry)				\
{									\
	return (level##_val(entry) & ~PAGE_MASK) != _PAGE_TABLE;	\
}									\
static inline void level##_clear(level##_t *entry)			\
{									\
	set_##level(entry, __##level(0));				\
}									\
static inline unsigned long level##_pfn(level##_t entry)		\
{									\
	return level##_val(entry) >> PAGE_SHIFT;			\
}									\
static inline void *level##_table(level##_t entry)			\
{									\
	return __va(level##_val(entry) & PAGE_MASK);			\
}

LKL_TABLE(pmd)
LKL_TABLE(pud)
LKL_TABLE(p4d)

#undef LKL_TABLE

#define pmd_pfn			pmd_pfn
#define pud_pfn			pud_pfn
#define pmd_page(pmd)		pfn_to_page(pmd_pfn(pmd))
#define pud_page(pud)		pfn_to_page(pud_pfn(pud))
#define p4d_page(p4d)		pfn_to_page(p4d_pfn(p4d))
#define pmd_page_vaddr(pmd)	((unsigned long)pmd_table(pmd))
#define pud_pgtable(pud)	((pmd_t *)pud_table(pud))
#define p4d_pgtable(p4d)	((pud_t *)p4d_table(p4d))

#define pmd_ERROR(e)	pr_err("%s:%d: bad pmd %016lx\n", __FILE__, __LINE__, pmd_val(e))
#define pud_ERROR(e)	pr_err("%s:%d: bad pud %016lx\n", __FILE__, __LINE__, pud_val(e))
#define pgd_ERROR(e)	pr_err("%s:%d: bad pgd %016lx\n", __FILE__, __LINE__, pgd_val(e))

/* ---- entries of pages ---- */

#define PFN_PTE_SHIFT		PAGE_SHIFT
#define pte_pfn(pte)		(pte_val(pte) >> PAGE_SHIFT)
#define pfn_pte(pfn, prot)	__pte(((unsigned long)(pfn) << PAGE_SHIFT) | pgprot_val(prot))
#define pte_page(pte)		pfn_to_page(pte_pfn(pte))
#if !LKL_GENERIC_MK_PTE
#define mk_pte(page, prot)	pfn_pte(page_to_pfn(page), (prot))
#endif

#define LKL_PTE_IS(name, bit)				\
static inline int pte_##name(pte_t pte)			\
{							\
	return (pte_val(pte) & (bit)) != 0;		\
}
#define LKL_PTE_WITH(name, bit)				\
static inline pte_t pte_##name(pte_t pte)		\
{							\
	return __pte(pte_val(pte) | (bit));		\
}
#define LKL_PTE_WITHOUT(name, bit)			\
static inline pte_t pte_##name(pte_t pte)		\
{							\
	return __pte(pte_val(pte) & ~(bit));		\
}

LKL_PTE_IS(present, _PAGE_PRESENT)
LKL_PTE_IS(write, _PAGE_WRITE)
LKL_PTE_IS(dirty, _PAGE_DIRTY)
LKL_PTE_IS(young, _PAGE_ACCESSED)
LKL_PTE_IS(special, _PAGE_SPECIAL)
LKL_PTE_IS(swp_exclusive, _PAGE_SWP_EXCLUSIVE)
LKL_PTE_WITH(mkwrite_novma, _PAGE_WRITE)
LKL_PTE_WITH(mkdirty, _PAGE_DIRTY)
LKL_PTE_WITH(mkyoung, _PAGE_ACCESSED)
LKL_PTE_WITH(mkspecial, _PAGE_SPECIAL)
LKL_PTE_WITH(swp_mkexclusive, _PAGE_SWP_EXCLUSIVE)
LKL_PTE_WITHOUT(wrprotect, _PAGE_WRITE)
LKL_PTE_WITHOUT(mkclean, _PAGE_DIRTY)
LKL_PTE_WITHOUT(mkold, _PAGE_ACCESSED)
LKL_PTE_WITHOUT(swp_clear_exclusive, _PAGE_SWP_EXCLUSIVE)

#undef LKL_PTE_IS
#undef LKL_PTE_WITH
#undef LKL_PTE_WITHOUT

static inline int pte_none(pte_t pte)
{
	return !pte_val(pte);
}

static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte((pte_val(pte) & _PAGE_CHG_MASK) | (pgprot_val(prot) & ~_PAGE_CHG_MASK));
}

/* What the host has is no part of what an entry says. */
#define __HAVE_ARCH_PTE_SAME
static inline int pte_same(pte_t a, pte_t b)
{
	return ((pte_val(a) ^ pte_val(b)) & ~_PAGE_HOST) == 0;
}

static inline void set_pte(pte_t *ptep, pte_t pte)
{
	WRITE_ONCE(ptep->pte, pte_val(pte) & ~_PAGE_HOST);
}

#if !LKL_GENERIC_PTE_FUNCTIONS
#define __HAVE_ARCH_PTE_SWP_EXCLUSIVE
#define pte_mkwrite(pte)			pte_mkwrite_novma(pte)
#define set_pte_at(mm, address, ptep, pte)	set_pte(ptep, pte)
#endif

static inline void pte_clear(struct mm_struct *mm, unsigned long address, pte_t *ptep)
{
	set_pte(ptep, __pte(0));
}

/* What has been mapped is put where the fault is served, not here. */
static inline void update_mmu_cache_range(struct vm_fault *vmf, struct vm_area_struct *vma,
					  unsigned long address, pte_t *ptep, unsigned int nr)
{
}

#define update_mmu_cache(vma, address, ptep) \
	update_mmu_cache_range(NULL, vma, address, ptep, 1)
/* Who has met the fault puts the new mapping in place of the old one. */
#define flush_tlb_fix_spurious_fault(...)	do {} while (0)

/*
 * Of pages that are not present: bits 9 to 13 the type, above them the offset. There is
 * always one bit set.
 */
#define __swp_type(entry)	(((entry).val >> 9) & 0x1f)
#define __swp_offset(entry)	((entry).val >> 14)
#define __swp_entry(type, offset) \
	((swp_entry_t) { (((unsigned long)(type) & 0x1f) << 9) | ((unsigned long)(offset) << 14) })
#define __pte_to_swp_entry(pte)	((swp_entry_t) { pte_val(pte) })
#define __swp_entry_to_pte(entry) __pte((entry).val)

#endif /* __ASSEMBLY__ */
#endif
