// SPDX-License-Identifier: GPL-2.0
/*
 * Built-in tests on request. What is a module elsewhere runs here as an initcall,
 * once, while the kernel boots, one after the other, if lkl.run_tests is on the
 * command line. Otherwise tests are left out there; /sys/kernel/debug/lkl/boottest
 * has a line for each, MODULE and FUNCTION. Who writes MODULE to it runs that one's
 * initcall and gets its result. Words after MODULE are set as module parameters
 * first (rcutorture.torture_type=srcu). So one kernel is booted, and each test runs
 * in a fork of it.
 *
 * Which initcalls are tests is known when the kernel is linked: tools/build/kernel.sh
 * makes the table.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "lkl.h"

struct lkl_boot_test {
	initcall_entry_t *entry;
	const char *module;
	const char *function;
	initcall_t held;
};

extern struct lkl_boot_test __start_lkl_boot_tests[], __stop_lkl_boot_tests[];
extern const struct kernel_param __start___param[], __stop___param[];

static DEFINE_MUTEX(run_lock);

static int nothing(void)
{
	return 0;
}

static bool run_at_boot __initdata;

static int __init run_tests(char *text)
{
	run_at_boot = true;
	return 0;
}
early_param("lkl.run_tests", run_tests);

/* Before the initcalls of modules come. */
static int __init hold_tests(void)
{
	struct lkl_boot_test *test;

	if (run_at_boot)
		return 0;
	for (test = __start_lkl_boot_tests; test < __stop_lkl_boot_tests; test++) {
		test->held = *test->entry;
		*test->entry = nothing;
	}
	return 0;
}
early_initcall(hold_tests);

static int run(char *text)
{
	char *module = strsep(&text, " ");
	struct lkl_boot_test *test;
	char *error;

	if (text) {
		error = parse_args("boot test", text, __start___param,
				   __stop___param - __start___param, S16_MIN, S16_MAX, NULL, NULL);
		if (IS_ERR(error))
			return PTR_ERR(error);
	}
	for (test = __start_lkl_boot_tests; test < __stop_lkl_boot_tests; test++)
		if (!strcmp(test->module, module))
			return test->held ? do_one_initcall(test->held) : -EPERM;
	return -ENOENT;
}

static ssize_t boottest_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	char *text;
	int result;

	if (!count || count > PAGE_SIZE)
		return -EINVAL;
	text = memdup_user_nul(user, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&run_lock);
	result = run(strim(text));
	mutex_unlock(&run_lock);
	kfree(text);
	return result < 0 ? result : count;
}

static int boottest_show(struct seq_file *m, void *v)
{
	struct lkl_boot_test *test;

	for (test = __start_lkl_boot_tests; test < __stop_lkl_boot_tests; test++)
		seq_printf(m, "%s %s\n", test->module, test->function);
	return 0;
}

static int boottest_open(struct inode *inode, struct file *file)
{
	return single_open(file, boottest_show, NULL);
}

static const struct file_operations boottest_fops = {
	.owner		= THIS_MODULE,
	.open		= boottest_open,
	.read		= seq_read,
	.write		= boottest_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int __init boottest_init(void)
{
	debugfs_create_file("boottest", 0600, lkl_debugfs(), NULL, &boottest_fops);
	return 0;
}
late_initcall(boottest_init);
