/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ISA_STRING_H
#define _ISA_STRING_H

/* memory.S; the rest is lib/string.c */
#define __HAVE_ARCH_MEMCPY
extern void *memcpy(void *to, const void *from, __kernel_size_t n);
#define __HAVE_ARCH_MEMMOVE
extern void *memmove(void *to, const void *from, __kernel_size_t n);
#define __HAVE_ARCH_MEMSET
extern void *memset(void *to, int c, __kernel_size_t n);

#endif
