/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_TLB_H
#define _ASM_LKL_TLB_H

#ifdef CONFIG_MMU
#include <asm/kernel_version.h>
#include <asm/tlbflush.h>
#include <asm-generic/tlb.h>

#if LKL_GENERIC_TABLE_END
#define LKL_FREE_TABLE(tlb, level, table) tlb_remove_ptdesc((tlb), (table))
#elif LKL_TABLE_DESCRIPTORS
#define LKL_FREE_TABLE(tlb, level, table)				\
do {									\
	pagetable_##level##_dtor(table);				\
	tlb_remove_page_ptdesc((tlb), (table));				\
} while (0)
#else
#define page_ptdesc(page)		(page)
#define virt_to_ptdesc(address)		virt_to_page(address)
#define pgtable_pud_page_dtor(page)	((void)(page))
#define LKL_FREE_TABLE(tlb, level, table)				\
do {									\
	pgtable_##level##_page_dtor(table);				\
	tlb_remove_page((tlb), (table));				\
} while (0)
#endif

#define __pte_free_tlb(tlb, table, address) LKL_FREE_TABLE(tlb, pte, page_ptdesc(table))
#define __pmd_free_tlb(tlb, table, address) LKL_FREE_TABLE(tlb, pmd, virt_to_ptdesc(table))
#define __pud_free_tlb(tlb, table, address) LKL_FREE_TABLE(tlb, pud, virt_to_ptdesc(table))
#else
#define tlb_flush(tlb) do {} while (0)
#include <asm-generic/tlb.h>
#endif

#endif
