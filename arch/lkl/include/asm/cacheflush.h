/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_CACHEFLUSH_H
#define _ASM_LKL_CACHEFLUSH_H

#ifdef CONFIG_MMU
/* New mappings of the kernel's: the host is told at once, which saves faults. */
void lkl_map_kernel_range(unsigned long start, unsigned long end);
#define flush_cache_vmap(start, end)	lkl_map_kernel_range(start, end)
#endif

#include <asm-generic/cacheflush.h>

#endif
