/* SPDX-License-Identifier: GPL-2.0 */
/* System calls that nobody is handed, wherever the thread is: those between the two labels. */
	.text
	.globl	lkl_preload_raw_begin, lkl_preload_raw_end
	.hidden	lkl_preload_raw_begin, lkl_preload_raw_end
	.balign	64
lkl_preload_raw_begin:

/* long lkl_preload_raw_call(long number, const long arguments[6]) */
	.globl	lkl_preload_raw_call
	.hidden	lkl_preload_raw_call
	.type	lkl_preload_raw_call, @function
lkl_preload_raw_call:
	.cfi_startproc
	movq	%rdi, %rax
	movq	%rsi, %r11
	movq	0(%r11), %rdi
	movq	8(%r11), %rsi
	movq	16(%r11), %rdx
	movq	24(%r11), %r10
	movq	32(%r11), %r8
	movq	40(%r11), %r9
	syscall
	ret
	.cfi_endproc
	.size	lkl_preload_raw_call, . - lkl_preload_raw_call

/* The end of a handler, its own or, with the registers of that, another one's. */
	.globl	lkl_preload_sigreturn
	.hidden	lkl_preload_sigreturn
	.type	lkl_preload_sigreturn, @function
lkl_preload_sigreturn:
	movl	$15, %eax
	syscall
	ud2	/* the host looks at what is behind the call */
	.size	lkl_preload_sigreturn, . - lkl_preload_sigreturn

lkl_preload_raw_end:
	.section .note.GNU-stack, "", @progbits
