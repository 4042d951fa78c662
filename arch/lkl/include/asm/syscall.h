/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_SYSCALL_H
#define _ASM_LKL_SYSCALL_H

#include <uapi/linux/audit.h>
#include <asm/processor.h>
#include <asm/host_ops.h>
#include <linux/sched.h>
#include <linux/string.h>

#define NR_syscalls __NR_syscalls

typedef long (*syscall_fn)(long a, long b, long c, long d, long e, long f);

extern const syscall_fn sys_call_table[];

/* The numbers are those of asm-generic/unistd.h, not of the processor's own architecture. */
static inline int syscall_get_arch(struct task_struct *task)
{
	return EM_NONE | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE;
}

static inline int syscall_get_nr(struct task_struct *task, struct pt_regs *regs)
{
	struct lkl_host_thread *ht = task->thread.host_thread;

	return ht && (ht->state & LKL_REQ_PHASE) == LKL_REQ_RUNNING ? ht->nr : -1;
}

static inline void syscall_get_arguments(struct task_struct *task, struct pt_regs *regs,
					 unsigned long *args)
{
	struct lkl_host_thread *ht = task->thread.host_thread;

	if (ht)
		memcpy(args, ht->args, sizeof(ht->args));
	else
		memset(args, 0, 6 * sizeof(*args));
}

static inline long syscall_get_return_value(struct task_struct *task, struct pt_regs *regs)
{
	return task->thread.host_thread ? task->thread.host_thread->ret : 0;
}

static inline long syscall_get_error(struct task_struct *task, struct pt_regs *regs)
{
	long ret = syscall_get_return_value(task, regs);

	return IS_ERR_VALUE(ret) ? ret : 0;
}

static inline void syscall_set_return_value(struct task_struct *task, struct pt_regs *regs,
					    int error, long val)
{
	if (task->thread.host_thread)
		task->thread.host_thread->ret = error ?: val;
}

static inline void syscall_rollback(struct task_struct *task, struct pt_regs *regs)
{
}

#endif
