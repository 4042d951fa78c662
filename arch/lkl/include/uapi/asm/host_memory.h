/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_HOST_MEMORY_H
#define _UAPI_ASM_LKL_HOST_MEMORY_H

/*
 * The part of the seam (host_ops.h) that makes a boot fast. The kernel writes to a few
 * thousand pages while it boots and knows beforehand where most of them are; a page fault
 * for each takes longer than all the rest of the boot.
 */

#include "host_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Before the boot; the kernel runs without it, too. populate() is told of memory that was
 * got by mem_alloc() and is about to be written as a whole; for_good: it is never given
 * back, nor has it guard pages, so huge pages suit it. The same rules as for struct
 * lkl_host_calls.
 */
LKL_ABI void lkl_kernel_populate_by(LKL_ABI void (*populate)(void *base, lkl_u64 size,
							     int for_good));

#ifdef __cplusplus
}
#endif

#endif
