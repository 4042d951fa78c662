/* SPDX-License-Identifier: GPL-2.0 */
/* Copies that may fault: see isa/uaccess.h. */
#include <linux/linkage.h>

.macro EXTABLE from, to
	.pushsection __ex_table, "a"
	.balign	4
	.long	\from - .
	.long	\to - .
	.popsection
.endm

	.text

/* unsigned long isa_copy_user_any(void *to, const void *from, unsigned long n) */
SYM_FUNC_START(isa_copy_user_any)
	.cfi_startproc
	cmpq	$64, %rdx
	jb	.Lwords
	movq	%rdx, %rcx
.Lstring:
	rep movsb
.Lstring_fault:
	movq	%rcx, %rax
	ret

.Lwords:
	cmpq	$8, %rdx
	jb	.Lbytes
.Lload8:
	movq	(%rsi), %rcx
.Lstore8:
	movq	%rcx, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	subq	$8, %rdx
	jmp	.Lwords

	/* also where a word faults: each byte before the bad page counts */
.Lbytes:
	testq	%rdx, %rdx
	je	.Ldone
.Lload1:
	movb	(%rsi), %cl
.Lstore1:
	movb	%cl, (%rdi)
	incq	%rsi
	incq	%rdi
	decq	%rdx
	jmp	.Lbytes
.Ldone:
	movq	%rdx, %rax
	ret
	EXTABLE	.Lstring, .Lstring_fault
	EXTABLE	.Lload8, .Lbytes
	EXTABLE	.Lstore8, .Lbytes
	EXTABLE	.Lload1, .Ldone
	EXTABLE	.Lstore1, .Ldone
	.cfi_endproc
SYM_FUNC_END(isa_copy_user_any)

/* unsigned long isa_clear_user(void *to, unsigned long n) */
SYM_FUNC_START(isa_clear_user)
	.cfi_startproc
	movq	%rsi, %rcx
	xorl	%eax, %eax
.Lclear:
	rep stosb
.Lclear_fault:
	movq	%rcx, %rax
	ret
	EXTABLE	.Lclear, .Lclear_fault
	.cfi_endproc
SYM_FUNC_END(isa_clear_user)

	.section .note.GNU-stack, "", @progbits
