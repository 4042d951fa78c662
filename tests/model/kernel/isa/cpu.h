/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_TESTS_MODEL_ISA_CPU_H
#define LKL_TESTS_MODEL_ISA_CPU_H

#include <linux/types.h>

/* cpu_model.cc: a counter whose pace the search decides */
u64 isa_cycles(void);
static inline void isa_pause(void) {}

#endif
