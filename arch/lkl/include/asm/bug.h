/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_BUG_H
#define _ASM_LKL_BUG_H

#ifdef CONFIG_BUG
#include <linux/compiler.h>

void __noreturn lkl_bug(const char *file, int line, const char *function);

#define HAVE_ARCH_BUG
#define BUG()	lkl_bug(__FILE__, __LINE__, __func__)
#endif

#include <asm-generic/bug.h>

#endif
