/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each function that is compiled with -pg -mfentry calls before its first
 * instruction. Code is not patched here: without a tracer that is all it costs, the call
 * and one comparison.
 */
#include <linux/linkage.h>
#include <asm/ftrace.h>
#include <asm/thread_info.h>
#include <generated/asm-offsets.h>

.macro SAVE register
	pushq	\register
	.cfi_adjust_cfa_offset 8
.endm

.macro RESTORE register
	popq	\register
	.cfi_adjust_cfa_offset -8
.endm

	.text

/*
 * On the stack: where the function goes on, below where it returns to. All that may hold
 * an argument is kept, and %rax, the number of vector registers in a call with a variable
 * number of arguments. Only %r11 is free. No function has an argument in a vector register.
 */
SYM_FUNC_START(__fentry__)
	.cfi_startproc
	leaq	ftrace_stub(%rip), %r11
	cmpq	%r11, ftrace_trace_function(%rip)
	jne	.Ltrace
.Lback:
	ret

.Ltrace:
	/* on a stack of the host nobody is `current`, and the CPU may be another thread's */
	cmpq	memory_start(%rip), %rsp
	jb	.Lmaybe_idle
	cmpq	memory_end(%rip), %rsp
	jb	.Lon_task_stack
.Lmaybe_idle:
	movq	%rsp, %r11
	subq	init_task+TASK_STACK(%rip), %r11
	cmpq	$THREAD_SIZE, %r11
	jae	.Lback

.Lon_task_stack:
	/* two frames for who follows frame pointers: the function has not made its own yet */
	pushq	8(%rsp)
	.cfi_adjust_cfa_offset 8
	SAVE	%rbp
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	pushq	16(%rsp)
	.cfi_adjust_cfa_offset 8
	SAVE	%rbp
	movq	%rsp, %rbp

	SAVE	%rax
	SAVE	%rdi
	SAVE	%rsi
	SAVE	%rdx
	SAVE	%rcx
	SAVE	%r8
	SAVE	%r9
	SAVE	%r10
	movq	8(%rbp), %rdi
	subq	$MCOUNT_INSN_SIZE, %rdi
	movq	24(%rbp), %rsi
	movq	function_trace_op(%rip), %rdx
	xorl	%ecx, %ecx
	call	*ftrace_trace_function(%rip)
	RESTORE	%r10
	RESTORE	%r9
	RESTORE	%r8
	RESTORE	%rcx
	RESTORE	%rdx
	RESTORE	%rsi
	RESTORE	%rdi
	RESTORE	%rax

	addq	$16, %rsp
	.cfi_adjust_cfa_offset -16
	RESTORE	%rbp
	.cfi_restore %rbp
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
SYM_FUNC_END(__fentry__)

/* void ftrace_stub(ip, parent_ip, op, fregs): the tracer when there is none */
SYM_FUNC_START(ftrace_stub)
	.cfi_startproc
	ret
	.cfi_endproc
SYM_FUNC_END(ftrace_stub)

	.section .note.GNU-stack, "", @progbits
