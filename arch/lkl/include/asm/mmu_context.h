/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_MMU_CONTEXT_H
#define _ASM_LKL_MMU_CONTEXT_H

#ifdef CONFIG_MMU
struct mm_struct;
struct task_struct;

void lkl_switch_mm(struct mm_struct *next);
void lkl_forget_mm(struct mm_struct *mm);

static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next,
			     struct task_struct *tsk)
{
	if (unlikely(next != prev))
		lkl_switch_mm(next);
}

static inline void destroy_context(struct mm_struct *mm)
{
	lkl_forget_mm(mm);
}
#define destroy_context destroy_context

#include <asm-generic/mm_hooks.h>
#include <asm-generic/mmu_context.h>
#else
/*
 * There is one address space, the host's, and nothing to switch to.
 * asm-generic/mmu_context.h would leave switch_mm() undefined.
 */
#include <asm-generic/nommu_context.h>
#endif

#endif
