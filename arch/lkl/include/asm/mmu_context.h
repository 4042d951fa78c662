/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_MMU_CONTEXT_H
#define _ASM_LKL_MMU_CONTEXT_H

/*
 * There is one address space, the host's, and nothing to switch to.
 * asm-generic/mmu_context.h would leave switch_mm() undefined.
 */
#include <asm-generic/nommu_context.h>

#endif
