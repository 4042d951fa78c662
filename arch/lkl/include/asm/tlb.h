/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_TLB_H
#define _ASM_LKL_TLB_H

#ifdef CONFIG_MMU
#include <asm/tlbflush.h>
#include <asm-generic/tlb.h>

#define __pte_free_tlb(tlb, pte, address)				\
do {									\
	pagetable_pte_dtor(page_ptdesc(pte));				\
	tlb_remove_page_ptdesc((tlb), page_ptdesc(pte));		\
} while (0)
#define __pmd_free_tlb(tlb, pmd, address)				\
do {									\
	pagetable_pmd_dtor(virt_to_ptdesc(pmd));			\
	tlb_remove_page_ptdesc((tlb), virt_to_ptdesc(pmd));		\
} while (0)
#define __pud_free_tlb(tlb, pud, address)				\
do {									\
	pagetable_pud_dtor(virt_to_ptdesc(pud));			\
	tlb_remove_page_ptdesc((tlb), virt_to_ptdesc(pud));		\
} while (0)
#else
#define tlb_flush(tlb) do {} while (0)
#include <asm-generic/tlb.h>
#endif

#endif
