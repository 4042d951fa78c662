// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites on request: the kernel's own executor runs those that are built in
 * once, while it boots. /sys/kernel/debug/lkl/kunit takes a filter, SUITE or
 * SUITE.TEST (globs, as kunit.filter_glob), and runs what matches; the write
 * returns when they are through, the results are in the log as at boot. A second
 * line may filter by attributes (as kunit.filter); those tests are skipped. So one
 * kernel is booted, and each suite runs in a fork of it. What may only run while
 * the kernel boots (kunit_test_init_section_suites) is not found here.
 */
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "lkl.h"

extern struct kunit_suite * const __kunit_suites_start[];
extern struct kunit_suite * const __kunit_suites_end[];

static int run_suites(const char *names, char *attributes)
{
	char skip[] = "skip";
	const struct kunit_suite_set all = { __kunit_suites_start, __kunit_suites_end };
	struct kunit_suite_set found;
	int err = 0;

	found = kunit_filter_suites(&all, names, attributes, attributes ? skip : NULL, &err);
	if (err)
		return err;
	if (!found.start)
		return -ENOMEM;
	if (found.start == found.end) {
		kfree(found.start);
		return -ENOENT;
	}
	kunit_exec_run_tests(&found, true);
	__kunit_test_suites_exit((struct kunit_suite **)found.start, found.end - found.start);
	kunit_free_suite_set(found);
	return 0;
}

static ssize_t kunit_write(struct file *file, const char __user *text, size_t count, loff_t *pos)
{
	char *filter, *attributes, *names;
	int err;

	if (!kunit_enabled())
		return -EPERM;
	if (!count || count > PAGE_SIZE)
		return -EINVAL;
	filter = memdup_user_nul(text, count);
	if (IS_ERR(filter))
		return PTR_ERR(filter);
	attributes = strim(filter);
	names = strsep(&attributes, "\n");
	err = run_suites(names, attributes);
	kfree(filter);
	return err ?: count;
}

static const struct file_operations kunit_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= kunit_write,
	.llseek	= noop_llseek,
};

static int __init lkl_kunit_init(void)
{
	debugfs_create_file("kunit", 0200, lkl_debugfs(), NULL, &kunit_fops);
	return 0;
}
late_initcall(lkl_kunit_init);
