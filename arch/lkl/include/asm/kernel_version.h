/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_KERNEL_VERSION_H
#define _ASM_LKL_KERNEL_VERSION_H

/*
 * Everything that differs between the kernel series we build with has a name here: 6.1, 6.12, 7.2.
 * Also for linker scripts and assembler.
 */

#include <linux/version.h>

#define LKL_SINCE(version, level)	(LINUX_VERSION_CODE >= KERNEL_VERSION(version, level, 0))

#if LKL_SINCE(6, 12)
#define LKL_UNALIGNED_HEADER		"linux/unaligned.h"
#else
#define LKL_UNALIGNED_HEADER		"asm/unaligned.h"
#endif

/* The size of a page, and pages of physical addresses, are generic code's. */
#define LKL_GENERIC_PAGE_SIZE		LKL_SINCE(6, 13)

/* Entries of page tables are changed by functions of generic code, made of ours. */
#define LKL_GENERIC_PTE_FUNCTIONS	LKL_SINCE(6, 6)

/* The memory of page tables has a descriptor of its own, and is ... */
#define LKL_TABLE_DESCRIPTORS		LKL_SINCE(6, 6)
/* ... undone by who frees it. */
#define LKL_GENERIC_TABLE_END		LKL_SINCE(6, 15)

/* A folio's pins are a member of it. */
#define LKL_FOLIOS_COUNT_PINS		LKL_SINCE(6, 2)

/* pin_user_pages() says in which areas of memory they are, if it is asked. */
#define LKL_PIN_TELLS_AREAS		(!LKL_SINCE(6, 5))

/* A shrinker is made by who runs them. */
#define LKL_SHRINKERS_ARE_ALLOCATED	LKL_SINCE(6, 7)

/* get_futex_key() is told by flags what it is only told to be shared or not before. */
#define LKL_FUTEX_HAS_FLAGS		LKL_SINCE(6, 7)

/* The thread that polls for io_uring calls a function that can be wrapped (kernel/irq.c). */
#define LKL_URING_POLLER_LOOKS_FOR_WORK	LKL_SINCE(6, 9)

/* The largest order of pages, inclusive. */
#if !LKL_SINCE(6, 8)
#define MAX_PAGE_ORDER			(MAX_ORDER - 1)
#endif

/* vm.overcommit_ratio is a matter of one file, which registers it. */
#define LKL_PRIVATE_OVERCOMMIT_RATIO	LKL_SINCE(6, 15)

/* mk_pte() is generic code's. */
#define LKL_GENERIC_MK_PTE		LKL_SINCE(6, 16)

/* crc32c() is for all who want that sum; until then it is an algorithm of the crypto API. */
#define LKL_GENERIC_CRC32C		LKL_SINCE(6, 16)

/* Who initialises memory asks for what we know, and gives what is free to the page allocator. */
#define LKL_GENERIC_MM_INIT		LKL_SINCE(7, 0)

/* The zero page, which is a part of the kernel, unless we have another. */
#define LKL_GENERIC_ZERO_PAGE		LKL_SINCE(7, 1)

#endif
