/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_HOST_MEMORY_H
#define _UAPI_ASM_LKL_HOST_MEMORY_H

/* The part of the seam (host_ops.h) that is about memory. */

#include "host_ops.h"

/* What a mapping lets its readers do. */
#define LKL_MAP_READ	1
#define LKL_MAP_WRITE	2
#define LKL_MAP_EXECUTE	4

/*
 * What a kernel with page tables asks of the host, and one without leaves. The same rules as
 * for struct lkl_host_calls.
 */
struct lkl_memory_calls {
	void *instance;
	/*
	 * Memory got by mem_alloc() or alloc() is about to be written as a whole; for_good: it is
	 * never given back, nor has it guard pages, so huge pages suit it. The kernel writes to a
	 * few thousand pages while it boots and knows beforehand where most of them are; a page
	 * fault for each takes longer than all the rest of the boot.
	 */
	LKL_ABI void (*populate)(void *instance, void *base, lkl_u64 size, int for_good);
	/* Like mem_alloc(), once; map() makes it be at other addresses as well. */
	LKL_ABI void *(*alloc)(void *instance, lkl_u64 size, lkl_u64 align);
	/*
	 * This end of that memory, all zeros yet, is never at other addresses: it can be as any
	 * other of the host's. NULL on failure.
	 */
	LKL_ABI void *(*never_map)(void *instance, void *base, lkl_u64 size);
	/* Addresses where nothing is, for map(); NULL on failure. */
	LKL_ABI void *(*window)(void *instance, lkl_u64 size, lkl_u64 align);
	/* The memory at `base` is at `at`, in a window, too. 0, or -1 if the host refuses. */
	LKL_ABI int (*map)(void *instance, void *at, void *base, lkl_u64 size, int access);
	/* Nothing is there. -1 if the host refuses, which it may where it would be in pieces. */
	LKL_ABI int (*unmap)(void *instance, void *at, lkl_u64 size);
	/*
	 * In place of the application's own memory at `at` is the memory at `base`, for good.
	 * 0, or -1 if the host refuses.
	 */
	LKL_ABI int (*lend)(void *instance, void *at, void *base, lkl_u64 size);
	/* The application has memory of its own there again, with the same content. 0, or -1. */
	LKL_ABI int (*take_back)(void *instance, void *at, lkl_u64 size);
};

/* Answers to a fault. */
#define LKL_FAULT_OTHER		0	/* none of the kernel's mappings */
#define LKL_FAULT_SERVED	1	/* the instruction can go on */
#define LKL_FAULT_USER		2	/* of the application's mappings: the kernel has to see to it */

/*
 * For a fault of application code: LKL_NR_PAGE_FAULT (address, write). 0 if the instruction
 * can go on, else the number of the signal that it gets.
 */
#define LKL_FAULT_SEGV	11
#define LKL_FAULT_BUS	7

/*
 * LKL_NR_MEMORY_IMPORT (start, size): the application's memory there is pages of the kernel
 * from now on, until LKL_NR_MEMORY_RELEASE (start, size). -EOPNOTSUPP without page tables.
 */
#define LKL_NR_MEMORY_IMPORT	(LKL_NR_PRIVATE + 8)
#define LKL_NR_MEMORY_RELEASE	(LKL_NR_PRIVATE + 9)

#ifdef __cplusplus
extern "C" {
#endif

/* Before the boot; what it points to stays until the next boot. */
LKL_ABI void lkl_kernel_memory_calls(const struct lkl_memory_calls *calls);

/*
 * In the handler of the host: what is this fault? in_kernel: of code of the kernel. For that
 * LKL_FAULT_USER means to go on at lkl_kernel_user_fault_entry(), with two words more on the
 * stack: where the fault was, and below it the address, of which bit 63 says that it was to be
 * written. It returns to the instruction, or to where the kernel goes on if that is in vain.
 */
LKL_ABI int lkl_kernel_page_fault(lkl_u64 address, int write, int in_kernel);
void lkl_kernel_user_fault_entry(void);

#ifdef __cplusplus
}
#endif

#endif
