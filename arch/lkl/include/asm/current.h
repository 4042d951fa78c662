/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_CURRENT_H
#define _ASM_LKL_CURRENT_H

#ifndef __ASSEMBLY__

#include <asm/thread_info.h>
#include <isa/stack_pointer.h>

struct task_struct;

/*
 * The task is found from the stack it runs on: one word at the top of each
 * kernel stack, written once in copy_thread(). Kernel code therefore neither
 * knows nor cares which host thread executes it, and needs no thread-local
 * storage. (The top, because the bottom is what an overflow destroys first.)
 */
static __always_inline struct task_struct *get_current(void)
{
	unsigned long last_byte = current_stack_pointer | (THREAD_SIZE - 1);

	return *(struct task_struct **)(last_byte + 1 - LKL_STACK_TOP_RESERVE);
}

#define current get_current()

#endif /* __ASSEMBLY__ */
#endif
