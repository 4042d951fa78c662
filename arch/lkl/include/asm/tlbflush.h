/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_TLBFLUSH_H
#define _ASM_LKL_TLBFLUSH_H

#ifdef CONFIG_MMU

struct mm_struct;
struct vm_area_struct;

/* The TLB is the host's mappings: kernel/mapped.c. */
void flush_tlb_kernel_range(unsigned long start, unsigned long end);
void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);
void flush_tlb_page(struct vm_area_struct *vma, unsigned long address);
void flush_tlb_mm(struct mm_struct *mm);
void flush_tlb_all(void);

#else
#include <asm-generic/tlbflush.h>
#endif

#endif
