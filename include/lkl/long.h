/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_LONG_H
#define LKL_LONG_H

#include <stddef.h> /* size_t and NULL, which some headers have from libc */

/*
 * The kernel is LP64 on every host. Where the host's own long has 32 bits, what
 * the kernel calls long is long long there; elsewhere it stays long, so that
 * formats and pointers of programs written for LKL go on to fit.
 */
#if defined(__LP64__) || defined(_LP64)
typedef long lkl_long;
typedef unsigned long lkl_ulong;
#else
typedef long long lkl_long;
typedef unsigned long long lkl_ulong;
#endif

typedef lkl_long lkl_long_t;
typedef lkl_ulong lkl_ulong_t;

/* What the headers call __linux__: true here on every host. */
#define LKL_LINUX 1

/* What they ask libc's endian.h for. The kernel is little-endian on every host. */
#define __LKL__LITTLE_ENDIAN 1234
#define __LKL__BYTE_ORDER __LKL__LITTLE_ENDIAN

#endif
