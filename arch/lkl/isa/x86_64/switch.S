/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moving between stacks. A stack that is left holds the six callee-saved
 * registers below its stack pointer, in the same order whichever function left
 * it, so that each of these can resume what any other one suspended. Vector
 * registers are caller-saved in this ABI, and the control words of the FPU
 * belong to the host thread, to which each task returns.
 *
 * A task may go on by another host thread than it began by. So below a kernel stack
 * comes, for who walks it (debuggers, the kernel's own reports), what the thread that
 * is the CPU now has left on its host stack: RUNNER_BELOW says where that is. It may be at
 * lower addresses, which gdb takes for a damaged stack but where a signal frame is. %rbp
 * stays a frame pointer across the move for those that know nothing else.
 */
#include <linux/linkage.h>
#include <generated/asm-offsets.h>

.macro SAVE_REGISTERS
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.cfi_def_cfa_offset 56
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
.endm

.macro RESTORE_REGISTERS
	.cfi_def_cfa %rsp, 56
	popq	%r15
	.cfi_restore %r15
	.cfi_def_cfa_offset 48
	popq	%r14
	.cfi_restore %r14
	.cfi_def_cfa_offset 40
	popq	%r13
	.cfi_restore %r13
	.cfi_def_cfa_offset 32
	popq	%r12
	.cfi_restore %r12
	.cfi_def_cfa_offset 24
	popq	%rbx
	.cfi_restore %rbx
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_restore %rbp
	.cfi_def_cfa_offset 8
.endm

/* With %rbx = &lkl_cpu: the CFA is lkl_cpu.runner->host_sp + 56. */
.macro RUNNER_BELOW
	/* DW_CFA_def_cfa_expression, 10 bytes: DW_OP_breg3 0, DW_OP_const2u, DW_OP_plus */
	.cfi_escape 0x0f, 10, 0x73, 0, 0x0a, LKL_CPU_RUNNER & 0xff, LKL_CPU_RUNNER >> 8, 0x22
	/* DW_OP_deref, DW_OP_deref, DW_OP_plus_uconst 56 */
	.cfi_escape 0x06, 0x06, 0x23, 56
.endm

	.text

/* struct task_struct *lkl_switch_stacks(prev, next): returns prev, on next's stack */
SYM_FUNC_START(lkl_switch_stacks)
	.cfi_startproc
	SAVE_REGISTERS
	movq	%rsp, TASK_SP(%rdi)
	movq	TASK_SP(%rsi), %rsp
	RESTORE_REGISTERS
	movq	%rdi, %rax
	ret
	.cfi_endproc
SYM_FUNC_END(lkl_switch_stacks)

/* void lkl_swap_stacks(u64 *save, u64 sp): suspends here, resumes what waits at sp */
SYM_FUNC_START(lkl_swap_stacks)
	.cfi_startproc
	SAVE_REGISTERS
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	RESTORE_REGISTERS
	ret
	.cfi_endproc
SYM_FUNC_END(lkl_swap_stacks)

/*
 * void lkl_call_on_stack(struct lkl_host_thread *self, u64 stack_top, void (*fn)(self))
 *
 * When fn returns, the CPU is left to the host stack of the thread that is the
 * runner by then, which need not be the one that came in here.
 */
SYM_FUNC_START(lkl_call_on_stack)
	.cfi_startproc
	.cfi_signal_frame
	SAVE_REGISTERS
	movq	%rsp, (%rdi)
	leaq	lkl_cpu(%rip), %rbx
	movq	%rsi, %rsp
	RUNNER_BELOW
	call	*%rdx
	movq	LKL_CPU_RUNNER(%rbx), %rax
	movq	(%rax), %rsp
	RESTORE_REGISTERS
	ret
	.cfi_endproc
SYM_FUNC_END(lkl_call_on_stack)

/* First switch to a new task: %rbx = function, %r12 = argument, %rax = prev */
SYM_FUNC_START(lkl_task_start)
	.cfi_startproc
	.cfi_signal_frame
	.cfi_undefined %rip
	movq	%rax, %rdi
	movq	%rbx, %rsi
	movq	%r12, %rdx
	xorl	%ebp, %ebp
	leaq	lkl_cpu(%rip), %rbx
	RUNNER_BELOW
	.cfi_offset %rip, -8
	.cfi_offset %rbp, -16
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	call	lkl_task_main
	movq	LKL_CPU_RUNNER(%rbx), %rax
	movq	(%rax), %rsp
	RESTORE_REGISTERS
	ret
	.cfi_endproc
SYM_FUNC_END(lkl_task_start)

/*
 * Where the host's fault handler sends a thread whose kernel code met a fault that
 * nobody expected: %rdi = address, the faulting instruction's is on the stack like
 * a return address, so that debuggers walk on to where it happened.
 */
SYM_FUNC_START(lkl_fault_entry)
	.cfi_startproc
	.cfi_signal_frame
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	8(%rbp), %rsi
	andq	$-16, %rsp
	call	lkl_fault
	ud2
	.cfi_endproc
SYM_FUNC_END(lkl_fault_entry)

#ifdef CONFIG_MMU
/*
 * Where the host's fault handler sends a thread whose kernel code met a fault in a mapping of the
 * application's, as if the instruction had called it: it goes on there, or at its fixup, with
 * all registers as they were. Below the address to return to is what was accessed. The
 * compiler may have values in vector registers, but only in those that each processor has.
 */
SYM_FUNC_START(lkl_kernel_user_fault_entry)
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa_offset 16
	pushfq
	pushq	%rbp
	.cfi_adjust_cfa_offset 16
	.cfi_offset %rbp, -32
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	movq	%rsp, %rbx
	movq	16(%rbp), %rdi
	movq	24(%rbp), %rsi
	subq	$512, %rsp
	andq	$-64, %rsp
	fxsave64 (%rsp)
	cld
	call	lkl_user_fault
	fxrstor64 (%rsp)
	movq	%rax, 24(%rbp)
	movq	%rbx, %rsp
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	popq	%rbp
	.cfi_def_cfa %rsp, 24
	.cfi_restore %rbp
	popfq
	.cfi_adjust_cfa_offset -8
	leaq	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
SYM_FUNC_END(lkl_kernel_user_fault_entry)
#endif

	.section .note.GNU-stack, "", @progbits
