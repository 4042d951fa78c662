/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Up to 64 bytes: load all, then store all, from both ends, so that overlap does
 * not matter. Above: the string instructions, which processors of the last ten
 * years turn into the widest moves they have.
 *
 * KASAN has a memcpy() and so on that check first and then call these by their names
 * with two underlines.
 */
#include <linux/linkage.h>

	.text

/* void *memcpy(void *to, const void *from, size_t n) */
SYM_FUNC_START(__memcpy)
	.cfi_startproc
	movq	%rdi, %rax
	cmpq	$64, %rdx
	jbe	lkl_copy_small
	movq	%rdx, %rcx
	rep movsb
	ret
	.cfi_endproc
SYM_FUNC_END(__memcpy)
SYM_FUNC_ALIAS_WEAK(memcpy, __memcpy)

/* void *memmove(void *to, const void *from, size_t n) */
SYM_FUNC_START(__memmove)
	.cfi_startproc
	movq	%rdi, %rax
	cmpq	$64, %rdx
	jbe	lkl_copy_small
	movq	%rdi, %rcx
	subq	%rsi, %rcx
	cmpq	%rdx, %rcx
	jb	1f
	movq	%rdx, %rcx
	rep movsb
	ret
	/* to is inside from: the end first */
1:	movups	-16(%rsi, %rdx), %xmm0
	movups	-32(%rsi, %rdx), %xmm1
	movups	%xmm0, -16(%rdi, %rdx)
	movups	%xmm1, -32(%rdi, %rdx)
	subq	$32, %rdx
	cmpq	$64, %rdx
	ja	1b
	jmp	lkl_copy_small
	.cfi_endproc
SYM_FUNC_END(__memmove)
SYM_FUNC_ALIAS_WEAK(memmove, __memmove)

/* Copies %rdx <= 64 bytes from %rsi to %rdi, which may overlap; keeps %rax. */
SYM_FUNC_START_LOCAL(lkl_copy_small)
	.cfi_startproc
	cmpq	$16, %rdx
	jae	.Lover16
	cmpq	$8, %rdx
	jae	.Lover8
	cmpq	$4, %rdx
	jae	.Lover4
	testq	%rdx, %rdx
	je	.Lnone
	/* 1 to 3: first, middle, last */
	movzbl	(%rsi), %ecx
	movzbl	-1(%rsi, %rdx), %r8d
	movq	%rdx, %r10
	shrq	$1, %r10
	movzbl	(%rsi, %r10), %r9d
	movb	%cl, (%rdi)
	movb	%r9b, (%rdi, %r10)
	movb	%r8b, -1(%rdi, %rdx)
.Lnone:
	ret
.Lover4:
	movl	(%rsi), %ecx
	movl	-4(%rsi, %rdx), %r8d
	movl	%ecx, (%rdi)
	movl	%r8d, -4(%rdi, %rdx)
	ret
.Lover8:
	movq	(%rsi), %rcx
	movq	-8(%rsi, %rdx), %r8
	movq	%rcx, (%rdi)
	movq	%r8, -8(%rdi, %rdx)
	ret
.Lover16:
	cmpq	$32, %rdx
	ja	.Lover32
	movups	(%rsi), %xmm0
	movups	-16(%rsi, %rdx), %xmm1
	movups	%xmm0, (%rdi)
	movups	%xmm1, -16(%rdi, %rdx)
	ret
.Lover32:
	movups	(%rsi), %xmm0
	movups	16(%rsi), %xmm1
	movups	-32(%rsi, %rdx), %xmm2
	movups	-16(%rsi, %rdx), %xmm3
	movups	%xmm0, (%rdi)
	movups	%xmm1, 16(%rdi)
	movups	%xmm2, -32(%rdi, %rdx)
	movups	%xmm3, -16(%rdi, %rdx)
	ret
	.cfi_endproc
SYM_FUNC_END(lkl_copy_small)

/* void *memset(void *to, int c, size_t n) */
SYM_FUNC_START(__memset)
	.cfi_startproc
	movzbl	%sil, %eax
	cmpq	$64, %rdx
	ja	.Lset_long
	movabsq	$0x0101010101010101, %rcx
	imulq	%rax, %rcx
	cmpq	$16, %rdx
	jae	.Lset16
	cmpq	$8, %rdx
	jae	.Lset8
	cmpq	$4, %rdx
	jae	.Lset4
	testq	%rdx, %rdx
	je	.Lset_done
	movb	%cl, (%rdi)
	movb	%cl, -1(%rdi, %rdx)
	shrq	$1, %rdx
	movb	%cl, (%rdi, %rdx)
.Lset_done:
	movq	%rdi, %rax
	ret
.Lset4:
	movl	%ecx, (%rdi)
	movl	%ecx, -4(%rdi, %rdx)
	movq	%rdi, %rax
	ret
.Lset8:
	movq	%rcx, (%rdi)
	movq	%rcx, -8(%rdi, %rdx)
	movq	%rdi, %rax
	ret
.Lset16:
	movq	%rcx, %xmm0
	punpcklqdq %xmm0, %xmm0
	movups	%xmm0, (%rdi)
	movups	%xmm0, -16(%rdi, %rdx)
	cmpq	$32, %rdx
	jbe	.Lset_done
	movups	%xmm0, 16(%rdi)
	movups	%xmm0, -32(%rdi, %rdx)
	jmp	.Lset_done
.Lset_long:
	movq	%rdi, %r9
	movq	%rdx, %rcx
	rep stosb
	movq	%r9, %rax
	ret
	.cfi_endproc
SYM_FUNC_END(__memset)
SYM_FUNC_ALIAS_WEAK(memset, __memset)

	.section .note.GNU-stack, "", @progbits
