/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_SWITCH_TO_H
#define _ASM_LKL_SWITCH_TO_H

#include <asm/cpu.h>

struct task_struct;

/* A task is its stack; isa/.../switch.S */
struct task_struct *lkl_switch_stacks(struct task_struct *prev, struct task_struct *next);

#define switch_to(prev, next, last)				\
do {								\
	(last) = lkl_switch_stacks((prev), (next));		\
	lkl_cpu_switched();					\
} while (0)

#endif
