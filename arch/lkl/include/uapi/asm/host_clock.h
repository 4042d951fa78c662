/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_HOST_CLOCK_H
#define _UAPI_ASM_LKL_HOST_CLOCK_H

/*
 * The part of the seam (host_ops.h) for who stamps with the kernel's CLOCK_REALTIME what
 * happens outside of it.
 */

#include "host_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * By how many ns CLOCK_REALTIME of the kernel is ahead of the host's CLOCK_MONOTONIC, as of
 * the last time that the kernel has looked at its clock, which it does at each tick and when
 * somebody sets it. 0: there is no kernel, or not yet. Any thread, at any time.
 */
LKL_ABI lkl_s64 lkl_kernel_realtime_ahead(void);

#ifdef __cplusplus
}
#endif

#endif
