/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_KASAN_H
#define _ASM_LKL_KASAN_H

#include <linux/const.h>

/*
 * The kernel's memory and the kernel itself may be anywhere in the process, so the
 * shadow is that of all addresses a process of the host has: 47 bits. The host maps
 * it before any code of the kernel runs (lkl_kernel_shadow_base); what is never poisoned,
 * such as the application's own memory, reads as zero there: accessible.
 */
#define KASAN_SHADOW_SCALE_SHIFT	3
#define KASAN_SHADOW_OFFSET		_AC(CONFIG_KASAN_SHADOW_OFFSET, UL)
#define LKL_HOST_ADDRESSES		(_AC(1, UL) << 47)
#define KASAN_SHADOW_START		KASAN_SHADOW_OFFSET
#define KASAN_SHADOW_SIZE		(LKL_HOST_ADDRESSES >> KASAN_SHADOW_SCALE_SHIFT)
#define KASAN_SHADOW_END		(KASAN_SHADOW_START + KASAN_SHADOW_SIZE)

#ifndef CONFIG_MMU
/* sizes of page tables that mm/kasan/init.c wants to have: there are none */
#define PTRS_PER_PTE			1
#define PTRS_PER_PMD			1
#elif !defined(__ASSEMBLY__)
/* linux/kasan.h, which some files have first, comes to asm/pgtable.h from here */
struct vm_fault;
#endif

#endif
