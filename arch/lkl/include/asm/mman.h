/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_MMAN_H
#define _ASM_LKL_MMAN_H

#include <uapi/asm/mman.h>

#ifdef CONFIG_MMU
/* What is outside of the window of the application's mappings is the host's. */
int lkl_mmap_check(unsigned long address, unsigned long size, unsigned long flags);
#define arch_mmap_check(address, size, flags) lkl_mmap_check(address, size, flags)
#endif

#endif
