/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_PGTABLE_H
#define _ASM_LKL_PGTABLE_H

#ifdef CONFIG_MMU
#include <asm/pgtable-mapped.h>
#else
#include <asm/pgtable-flat.h>
#endif

#if !LKL_GENERIC_ZERO_PAGE
extern void *empty_zero_page;
#define ZERO_PAGE(vaddr)	(virt_to_page(empty_zero_page))
#endif

#endif
