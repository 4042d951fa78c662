/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_HOST_DEBUG_H
#define _UAPI_ASM_LKL_HOST_DEBUG_H

/*
 * The part of the seam (host_ops.h) that serves reports and debuggers: nothing here is
 * needed for a kernel to run.
 */

#include "host_ops.h"

/* What a report asks of the host. The same rules as for struct lkl_host_calls. */
struct lkl_debug_calls {
	/*
	 * The addresses to which the calls on the stack of this thread return, innermost
	 * first, from the caller of this function on. Returns how many, 0 if it can't say.
	 */
	LKL_ABI int (*backtrace)(lkl_u64 *addresses, int max);
	/*
	 * Writes "function+0xOFFSET/0xSIZE" of code that returns to this address, and 0.
	 * Returns the length, 0 if it is not known.
	 */
	LKL_ABI int (*name)(lkl_u64 address, char *text, int size);
	/* Tells valgrind that this memory has no content yet (CONFIG_LKL_VALGRIND). */
	LKL_ABI void (*no_content)(void *base, lkl_u64 size);
};

/* A debugger that knows no types finds its way by these; the last has no name. */
struct lkl_debug_value {
	char name[24];
	lkl_u64 value;
};

#ifdef __cplusplus
extern "C" {
#endif

/* Before the boot; without it reports have addresses only. */
LKL_ABI void lkl_kernel_debug_calls(const struct lkl_debug_calls *calls);

extern const struct lkl_debug_value lkl_kernel_debug[];

#ifdef __cplusplus
}
#endif

#endif
