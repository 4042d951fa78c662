/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ARCH_LKL_KERNEL_LKL_H
#define _ARCH_LKL_KERNEL_LKL_H

/* What the files of this folder know of each other. */

#include <linux/errno.h>
#include <linux/linkage.h>
#include <linux/types.h>
#include <asm/cpu.h>
#include <asm/host_ops.h>
#include <asm/extable.h>

struct dentry;
struct lkl_debug_calls;
struct lkl_memory_calls;
struct page;
struct mm_struct;
struct task_struct;

/* isa/.../switch.S */
void lkl_swap_stacks(lkl_u64 *save, lkl_u64 sp);
void lkl_call_on_stack(struct lkl_host_thread *self, lkl_u64 stack_top,
		       void (*fn)(struct lkl_host_thread *self));
void lkl_task_start(void);
void lkl_fault_entry(void);

/* How long a thread whose call is done goes on for others. */
#define LKL_SERVE_NS	50000
/* How long a thread sleeps that lets another one have the CPU for its quantum. */
#define LKL_NAP_NS	100000

/*
 * Files call each other in one direction only (the test build.kernel_files): what
 * one needs of another that calls it has a file of its own.
 */

/* state.c */
extern struct lkl_host_thread *lkl_executor;	/* the holder's */

/* request.c */
void lkl_request_done(struct lkl_host_thread *ht);
void lkl_boot_begins(struct lkl_host_thread *self);
void lkl_boot_finished(void);
void lkl_take_entries(void);
void lkl_spawns_begin(void);
struct lkl_host_thread *lkl_next_spawn(void);
void __noreturn lkl_host_thread_exit(struct lkl_host_thread *ht);

/* cpu.c */
void lkl_cpu_hand_over(void);
int lkl_boot_prepare(const char *command_line, u64 *stack_top);
void lkl_boot_on_stack(struct lkl_host_thread *self);

/* task.c */
void lkl_task_loop(struct lkl_host_thread *ht);
void lkl_user_interrupt(struct lkl_host_thread *self);
asmlinkage void lkl_task_main(struct task_struct *prev, int (*fn)(void *arg), void *arg);
void __noreturn lkl_serve_spawns(void);

/* syscall.c */
void lkl_run_request(struct lkl_host_thread *ht);

/* vmlinux.lds.S */
extern struct exception_table_entry __start___ex_table[], __stop___ex_table[];

/* fault.c */
asmlinkage void __noreturn lkl_fault(unsigned long address, unsigned long pc);

/* stacktrace.c */
extern const struct lkl_debug_calls *lkl_debug_calls;	/* NULL: the host has none */
const char *lkl_name_address(unsigned long addr, char *text, int size);

/* signal.c */
bool lkl_user_work(struct lkl_host_thread *ht);
void lkl_sigreturn(struct lkl_host_thread *ht, u64 mask);
long lkl_sys_rt_sigtimedwait(const void __user *uset, void __user *info,
			     const void __user *timeout, size_t size);

/* clock.c */
u64 lkl_clock(void);
u64 lkl_clock_ask_host(void);

/* time.c */
void lkl_timer_interrupt(void);

/* memory.c */
extern const struct lkl_memory_calls *lkl_memory;

/* mm.c */
int lkl_mm_reserve(const char *command_line);
unsigned long lkl_mm_size(void);
void lkl_mm_setup(void);

/* tables.c */
const char *lkl_words_for_tables(unsigned long memory);

/* mapped.c, settings.c: percent of the memory */
#define LKL_OVERCOMMIT_RATIO	75

/* flat.c, mapped.c */
void *lkl_memory_alloc(unsigned long size, unsigned long align);
void lkl_page_array_begins(void *array);
/* flat.c, user_fault.c */
bool lkl_is_mapped_for_user(const void __user *address);
void lkl_user_memory_begins(void);
long lkl_user_page_fault(unsigned long address, bool write);
/* flat.c, import.c */
long lkl_memory_import(unsigned long start, unsigned long size);
long lkl_memory_release(unsigned long start, unsigned long size);
long lkl_imported_pages(unsigned long start, unsigned long wanted, struct page **pages);

/* watch.c */
long lkl_watch_create(void *of_host, unsigned int irq, int flags);

/* mapped.c */
#ifdef CONFIG_MMU
int lkl_map_by_tables(struct mm_struct *mm, unsigned long address, bool write);
unsigned long lkl_map_ahead(struct mm_struct *mm, unsigned long start, unsigned long end);
bool lkl_is_followed(struct mm_struct *mm, unsigned long address);
#endif

/* setup.c */
void __noreturn lkl_halt(void);

/* random.c */
void lkl_random_setup(void);
long lkl_random_reseed(const void __user *bytes, size_t size);

/* debugfs.c */
struct dentry *lkl_debugfs(void);

/* device.c */
int lkl_mmio_device_add(u64 base, u64 size, unsigned int irq);
int lkl_mmio_device_remove(unsigned int irq);

/* coverage.c */
#ifdef CONFIG_LKL_FUZZ_COVERAGE
int lkl_fuzz_counters(u8 *bytes, unsigned long number);
#else
static inline int lkl_fuzz_counters(u8 *bytes, unsigned long number)
{
	return -ENOSYS;
}
#endif

#endif
