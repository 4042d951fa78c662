// SPDX-License-Identifier: GPL-2.0
/* What start_kernel() asks of an architecture, and how it ends. */
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/of_fdt.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/start_kernel.h>
#include <asm/setup.h>
#include "lkl.h"
#include "shared_word.h"

/* Every thread of the host finds out from the mode that this kernel is no more. */
static void __noreturn leave_for_good(void)
{
	local_irq_disable();
	/* the word stays held: whoever comes finds out on its way to wait for it */
	lkl_cpu.leave = LKL_LEAVE_HAND_OVER;
	LKL_STORE(lkl_cpu.mode, LKL_MODE_DEAD);
	lkl_host->halted(lkl_host->instance);
	lkl_swap_stacks(&lkl_cpu.sp, lkl_cpu.runner->host_sp);
	unreachable();
}

static int on_panic(struct notifier_block *nb, unsigned long event, void *text)
{
	/* unless the oops before it has shown where, or panic() itself */
	if (!IS_ENABLED(CONFIG_DEBUG_BUGVERBOSE) && !test_taint(TAINT_DIE))
		dump_stack();
	lkl_host->panic(lkl_host->instance);
	/* the process is to go on without this kernel */
	leave_for_good();
}

static struct notifier_block panic_block = {
	.notifier_call	= on_panic,
	.priority	= INT_MIN,
};

#ifdef CONFIG_KASAN
const lkl_u64 lkl_kernel_shadow_base = KASAN_SHADOW_START;
const lkl_u64 lkl_kernel_shadow_size = KASAN_SHADOW_SIZE;
#else
const lkl_u64 lkl_kernel_shadow_base, lkl_kernel_shadow_size;
#endif

void __init setup_arch(char **command_line)
{
	static char words[sizeof(CONFIG_LKL_BOOT_WORDS) + COMMAND_LINE_SIZE + 64] __initdata;

#ifdef CONFIG_KASAN
	/* the host has made the shadow: reports from now on */
	init_task.kasan_depth = 0;
#endif
	snprintf(words, sizeof(words), "%s %s %s", CONFIG_LKL_BOOT_WORDS,
		 lkl_words_for_tables(lkl_mm_size()), boot_command_line);
	*command_line = words;
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	parse_early_param();
	lkl_random_setup();
	lkl_mm_setup();
	/* an empty one: what is in it comes from overlays */
	unflatten_device_tree();
}

/*
 * The kernel's farewell is an emergency by its priority, but not to a program that wants
 * to see nothing but problems. The last one of those that are told before it.
 */
static int say_no_farewell(struct notifier_block *block, unsigned long action, void *data)
{
	if (console_loglevel < CONSOLE_LOGLEVEL_DEFAULT)
		console_loglevel = CONSOLE_LOGLEVEL_SILENT;
	return NOTIFY_DONE;
}

static struct notifier_block farewell_block = {
	.notifier_call = say_no_farewell,
	.priority = INT_MIN,
};

static int __init prepare_farewell(void)
{
	return register_reboot_notifier(&farewell_block);
}
core_initcall(prepare_farewell);

/*
 * For the program that has made this kernel, as if by a switch: whatever the calling task
 * may not do any more, or in what name space it is.
 */
void __noreturn lkl_halt(void)
{
	static DEFINE_MUTEX(once);

	mutex_lock(&once);
	kernel_halt();
	unreachable();
}

void machine_halt(void)
{
	leave_for_good();
}

void machine_power_off(void)
{
	machine_halt();
}

void machine_restart(char *command)
{
	machine_halt();
}

void (*pm_power_off)(void);

/* /proc/cpuinfo */
static void *cpuinfo_start(struct seq_file *m, loff_t *pos)
{
	return *pos == 0 ? &lkl_cpu : NULL;
}

static void *cpuinfo_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void cpuinfo_stop(struct seq_file *m, void *v)
{
}

static int cpuinfo_show(struct seq_file *m, void *v)
{
	seq_puts(m, "processor\t: 0\nmodel name\t: LKL virtual CPU\n");
	seq_printf(m, "task switches\t: %llu\nhand-overs\t: %llu\n\n", lkl_cpu.switches,
		   lkl_cpu.hand_overs);
	return 0;
}

const struct seq_operations cpuinfo_op = {
	.start	= cpuinfo_start,
	.next	= cpuinfo_next,
	.stop	= cpuinfo_stop,
	.show	= cpuinfo_show,
};
