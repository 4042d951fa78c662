/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_COMPAT5_H
#define LKL_COMPAT5_H

#include <lkl.h>

/*
 * For programs written for LKL before lkl_init() came: included by <lkl.h> if LKL_COMPAT_5 is
 * defined.
 *
 *	lkl_disk_add(&disk);
 *	lkl_start_kernel(&lkl_host_ops, "mem=64M");
 *	...
 *	lkl_sys_halt();
 *
 * lkl_init() is not declared: such programs may have a function of this name. lkl_cleanup() need
 * not be called; the next lkl_start_kernel() or lkl_disk_add() does it.
 */

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/**
 * lkl_start_kernel_5 - boot; lkl_start_kernel() of such a program
 * @ops:     its operations; must stay valid
 * @cmd_fmt: kernel command line, as for printf()
 *
 * Returns what lkl_init() and the lkl_start_kernel() of <lkl.h> return.
 */
int lkl_start_kernel_5(struct lkl_host_operations *ops, const char *cmd_fmt, ...)
	LKL_PRINTF(2, 3);
#define lkl_start_kernel lkl_start_kernel_5

/** lkl_disk_add_5 - connect a disk, before the boot or after it; lkl_disk_add() of such a program */
int lkl_disk_add_5(struct lkl_disk *disk);
#define lkl_disk_add lkl_disk_add_5

/*
 * What system calls took before times had 64 bits on every processor. The layout is the same
 * here, so that from here on it is one type too.
 */
#define lkl_timespec __lkl__kernel_timespec
#define lkl_itimerspec __lkl__kernel_itimerspec

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
