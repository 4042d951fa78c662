/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_TIMEX_H
#define _ASM_LKL_TIMEX_H

#include <asm-generic/timex.h>

/* kernel/random.c */
unsigned long lkl_random_get_entropy(void);
#define random_get_entropy() lkl_random_get_entropy()

#endif
