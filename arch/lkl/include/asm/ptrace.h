/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_PTRACE_H
#define _ASM_LKL_PTRACE_H

#include <uapi/asm/ptrace.h>

#ifndef __ASSEMBLY__

/*
 * Application registers stay in the host thread. All that the kernel can be
 * told about an interrupted context is whether it was the application.
 */
struct pt_regs {
	unsigned long user;
	unsigned long nr;
};

#define user_mode(regs)			((regs)->user != 0)
#define profile_pc(regs)		0UL
#define instruction_pointer(regs)	0UL
#define user_stack_pointer(regs)	0UL

static inline unsigned long regs_return_value(struct pt_regs *regs)
{
	return 0;
}

#endif /* __ASSEMBLY__ */
#endif
