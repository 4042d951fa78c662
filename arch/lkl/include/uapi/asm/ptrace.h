/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_PTRACE_H
#define _UAPI_ASM_LKL_PTRACE_H

#ifndef __ASSEMBLY__
/* User registers live in host threads and are never seen by the kernel. */
struct user_regs_struct {
	unsigned long regs[1];
};
#endif

#endif
