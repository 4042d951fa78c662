/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What -pg -mfentry makes each function call first: on the stack are the address after
 * that call and, above it, the return address of the function. No code is patched
 * here: when nobody traces it costs a call and a compare.
 */
#include <linux/linkage.h>

	.text

SYM_FUNC_START(__fentry__)
	.cfi_startproc
	leaq	ftrace_stub(%rip), %r11
	cmpq	%r11, ftrace_trace_function(%rip)
	jne	1f
	ret
	/* all that may carry an argument */
1:	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	pushq	%r10
	.cfi_def_cfa_offset 72
	movq	64(%rsp), %rdi
	movq	72(%rsp), %rsi
	call	lkl_ftrace
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rax
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
SYM_FUNC_END(__fentry__)

SYM_FUNC_START(ftrace_stub)
	.cfi_startproc
	ret
	.cfi_endproc
SYM_FUNC_END(ftrace_stub)

	.section .note.GNU-stack, "", @progbits
