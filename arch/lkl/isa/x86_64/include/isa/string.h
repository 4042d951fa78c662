/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ISA_STRING_H
#define _ISA_STRING_H

/* memory.S; the rest is lib/string.c */
#define __HAVE_ARCH_MEMCPY
extern void *memcpy(void *to, const void *from, __kernel_size_t n);
extern void *__memcpy(void *to, const void *from, __kernel_size_t n);
#define __HAVE_ARCH_MEMMOVE
extern void *memmove(void *to, const void *from, __kernel_size_t n);
extern void *__memmove(void *to, const void *from, __kernel_size_t n);
#define __HAVE_ARCH_MEMSET
extern void *memset(void *to, int c, __kernel_size_t n);
extern void *__memset(void *to, int c, __kernel_size_t n);

#if defined(CONFIG_KASAN) && !defined(__SANITIZE_ADDRESS__)
/* Code that is not to be checked does not want the checking ones either. */
#define memcpy(to, from, n) __memcpy(to, from, n)
#define memmove(to, from, n) __memmove(to, from, n)
#define memset(to, c, n) __memset(to, c, n)
#ifndef __NO_FORTIFY
#define __NO_FORTIFY	/* its macros of the same names would call the checking ones */
#endif
#endif

#endif
