/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_HOST_RANDOM_H
#define _UAPI_ASM_LKL_HOST_RANDOM_H

/*
 * The part of the seam (host_ops.h) for the kernel's random generator. A virtual CPU has
 * little that nobody can foresee, and a forked process has the same as its parent.
 *
 * In the child of a fork, LKL_NR_SEED takes (bytes, number of them, at most LKL_SEED_SIZE).
 */

#include "host_ops.h"

#define LKL_SEED_SIZE	32	/* as much as the generator can know */

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Before the boot: LKL_SEED_SIZE random bytes, to stay there until it is over. Without it
 * the kernel gathers its own, which takes a while (getrandom(2) waits).
 */
LKL_ABI void lkl_kernel_seed(const void *bytes);

#ifdef __cplusplus
}
#endif

#endif
