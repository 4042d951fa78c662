/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_FTRACE_H
#define _ASM_LKL_FTRACE_H

/*
 * The tracer is called as a function of its own, without the detour by the list of all.
 * isa/.../fentry.S
 */
#define ARCH_SUPPORTS_FTRACE_OPS 1

/* The call at the start of a function; by way of the GOT, since the kernel is -fPIC. */
#define MCOUNT_INSN_SIZE 6

#endif
