/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_SIGCONTEXT_H
#define _UAPI_ASM_LKL_SIGCONTEXT_H

/* No signal frame is ever built: see arch/lkl/kernel/signal.c. */
struct sigcontext {
	unsigned long unused;
};

#endif
