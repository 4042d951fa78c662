// SPDX-License-Identifier: GPL-2.0
/* The system call table, and one request from its number to its result. */
#include <linux/audit.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/syscalls.h>
#include <linux/unistd.h>
#include <asm/host_memory.h>
#include <asm/host_watch.h>
#include <asm/syscall.h>
#include "lkl.h"
#include "shared_word.h"

#define CREATE_TRACE_POINTS
#include <trace/events/syscalls.h>

SYSCALL_DEFINE6(mmap, unsigned long, addr, unsigned long, len, unsigned long, prot,
		unsigned long, flags, unsigned long, fd, unsigned long, offset)
{
	if (offset_in_page(offset))
		return -EINVAL;
	return ksys_mmap_pgoff(addr, len, prot, flags, fd, offset >> PAGE_SHIFT);
}

/*
 * The calling host thread gets a new task with its next call. The process is the
 * host's: neither call ends it.
 */
static long lkl_sys_exit(long status)
{
	lkl_host_thread_exit(current->thread.host_thread);
}

/* What a host process has from its host: tasks are not made by the application. */
#define sys_clone		sys_ni_syscall
#define sys_clone3		sys_ni_syscall
#define sys_execve		sys_ni_syscall
#define sys_execveat		sys_ni_syscall
#define sys_rt_sigreturn	sys_ni_syscall
#define sys_exit		lkl_sys_exit
#define sys_rt_sigtimedwait	lkl_sys_rt_sigtimedwait
#define sys_exit_group		lkl_sys_exit

#undef __SYSCALL
#define __SYSCALL(nr, sym) [nr] = (syscall_fn)(void *)sym,

const syscall_fn sys_call_table[__NR_syscalls] = {
	[0 ... __NR_syscalls - 1] = (syscall_fn)(void *)sys_ni_syscall,
#include <asm/unistd.h>
};

static noinline long private_call(struct lkl_host_thread *ht)
{
	switch (ht->nr) {
	case LKL_NR_MMIO_DEVICE_ADD:
		return lkl_mmio_device_add(ht->args[0], ht->args[1], ht->args[2]);
	case LKL_NR_MMIO_DEVICE_REMOVE:
		return lkl_mmio_device_remove(ht->args[0]);
	case LKL_NR_SIGRETURN:
		lkl_sigreturn(ht, ht->args[0]);
		return 0;
	case LKL_NR_FUZZ_COUNTERS:
		return lkl_fuzz_counters((u8 *)ht->args[0], ht->args[1]);
	case LKL_NR_SEED:
		return lkl_random_reseed((const void __user *)ht->args[0], ht->args[1]);
	case LKL_NR_PAGE_FAULT:
		return lkl_user_page_fault(ht->args[0], ht->args[1]);
	case LKL_NR_MEMORY_IMPORT:
		return lkl_memory_import(ht->args[0], ht->args[1]);
	case LKL_NR_MEMORY_RELEASE:
		return lkl_memory_release(ht->args[0], ht->args[1]);
	case LKL_NR_WATCH_CREATE:
		return lkl_watch_create((void *)ht->args[0], ht->args[1], ht->args[2]);
	case LKL_NR_HALT:
		lkl_halt();
	case LKL_NR_THREAD_EXIT:
		lkl_host_thread_exit(ht);
	default:
		return -ENOSYS;
	}
}

static __always_inline long call(struct lkl_host_thread *ht)
{
	unsigned long nr = ht->nr;

	if (unlikely(nr >= __NR_syscalls))
		return private_call(ht);
	return sys_call_table[nr](ht->args[0], ht->args[1], ht->args[2], ht->args[3],
				 ht->args[4], ht->args[5]);
}

/* The call was interrupted; nobody but us saw why (man 7 signal, "Interruption of"). */
static long restart(struct lkl_host_thread *ht, long ret)
{
	if (ret == -ERESTART_RESTARTBLOCK)
		return current->restart_block.fn(&current->restart_block);
	return call(ht);
}

static bool wants_restart(long ret)
{
	return ret == -ERESTARTSYS || ret == -ERESTARTNOINTR || ret == -ERESTARTNOHAND ||
	       ret == -ERESTART_RESTARTBLOCK;
}

static bool watched(void)
{
	return (IS_ENABLED(CONFIG_TRACEPOINTS) || IS_ENABLED(CONFIG_AUDITSYSCALL)) &&
	       unlikely(READ_ONCE(current_thread_info()->flags) & _TIF_SYSCALL_WATCHED);
}

/* audit_syscall_exit() wants the registers of a processor. */
static void audit_exit(long ret)
{
#ifdef CONFIG_AUDITSYSCALL
	if (audit_context())
		__audit_syscall_exit(!IS_ERR_VALUE(ret), ret);
#endif
}

static noinline void watch_enter(struct lkl_host_thread *ht)
{
	if (test_thread_flag(TIF_SYSCALL_TRACEPOINT))
		trace_sys_enter(task_pt_regs(current), ht->nr);
	if (test_thread_flag(TIF_SYSCALL_AUDIT))
		audit_syscall_entry(ht->nr, ht->args[0], ht->args[1], ht->args[2], ht->args[3]);
}

static noinline void watch_exit(long ret)
{
	audit_exit(ret);
	if (test_thread_flag(TIF_SYSCALL_TRACEPOINT))
		trace_sys_exit(task_pt_regs(current), ret);
}

/* A handler runs before the call is made again, if SA_RESTART or the call says so. */
static bool again_after_handler(struct lkl_host_thread *ht, long ret)
{
	return ret == -ERESTARTNOINTR || (ret == -ERESTARTSYS && ht->sig_restart);
}

static long run_call(struct lkl_host_thread *ht)
{
	long ret;

	/* came between two calls: its place is before this one */
	if (unlikely(ht->sig_handler) && ht->nr < LKL_NR_PRIVATE) {
		ht->again = 1;
		return -EINTR;
	}
	if (watched())
		watch_enter(ht);
	ret = call(ht);
	while (unlikely(READ_ONCE(current_thread_info()->flags) & _TIF_USER_WORK)) {
		bool interrupt = lkl_user_work(ht);

		if (!wants_restart(ret))
			continue;
		if (interrupt) {
			ht->again = again_after_handler(ht, ret);
			ret = -EINTR;
		} else {
			ret = ht->state & LKL_REQ_ORPHAN ? -EINTR : restart(ht, ret);
		}
	}
	ht->ret = ret;
	if (watched())
		watch_exit(ret);
	return ret;
}

void lkl_run_request(struct lkl_host_thread *ht)
{
	unsigned long waits = current->nvcsw;

	LKL_STORE_RELAXED(ht->state, (ht->state & ~LKL_REQ_PHASE) | LKL_REQ_RUNNING);
	ht->ret = run_call(ht);
	ht->streak = likely(current->nvcsw == waits) ? ht->streak + 1 : 0;
	lkl_request_done(ht);
}
