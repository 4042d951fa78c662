// SPDX-License-Identifier: GPL-2.0
/*
 * One bug of each kind that a checker is there for, to see that it is found. The
 * compiler must not see through any of them: what it can prove it leaves out.
 */
#include <kunit/test.h>
#include <linux/compiler.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include "lkl.h"

static noinline void planted_slab_out_of_bounds(void)
{
	unsigned int size = 40;
	char *object = kmalloc(size, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(object);
	if (object)
		WRITE_ONCE(object[size], 1);
	kfree(object);
}

static noinline void planted_use_after_free(void)
{
	char *object = kmalloc(40, GFP_KERNEL);
	char *gone = object;

	OPTIMIZER_HIDE_VAR(gone);
	kfree(object);
	if (gone)
		READ_ONCE(gone[8]);
}

static noinline void planted_stack_out_of_bounds(void)
{
	char local[16];
	char *beyond = local;

	OPTIMIZER_HIDE_VAR(beyond);
	memset(local, 0, sizeof(local));
	READ_ONCE(beyond[sizeof(local)]);
}

static char planted_global[10];

static noinline void planted_global_out_of_bounds(void)
{
	char *beyond = planted_global;

	OPTIMIZER_HIDE_VAR(beyond);
	READ_ONCE(beyond[sizeof(planted_global)]);
}

/* More than a MiB, so that the addresses are soon used again; it ends within a page. */
static noinline void planted_vmalloc_out_of_bounds(void)
{
	unsigned int size = SZ_1M + 904;
	char *area = vmalloc(size);

	OPTIMIZER_HIDE_VAR(area);
	if (area)
		READ_ONCE(area[size]);
	vfree(area);
}

static noinline void planted_shift(void)
{
	int bits = 40;
	int value = 1;

	OPTIMIZER_HIDE_VAR(bits);
	value <<= bits;
	OPTIMIZER_HIDE_VAR(value);
}

static noinline void planted_array_index(void)
{
	static struct {
		int numbers[4];
		int behind;
	} pair;
	int index = ARRAY_SIZE(pair.numbers);
	int value;

	OPTIMIZER_HIDE_VAR(index);
	value = pair.numbers[index];
	OPTIMIZER_HIDE_VAR(value);
	pair.behind = value;
}

static noinline void planted_uninitialised(void)
{
	int *object = kmalloc(40, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(object);
	if (object && READ_ONCE(object[3]) == 42)	/* nobody has written it */
		pr_info("the answer\n");
	kfree(object);
}

static noinline bool planted_other_address(void)
{
	int *area = vmalloc(PAGE_SIZE);
	int *same;
	bool found;

	if (!area)
		return true;
	same = page_address(vmalloc_to_page(area));
	OPTIMIZER_HIDE_VAR(same);
	WRITE_ONCE(area[3], 42);
	found = READ_ONCE(same[3]) == 42;
	vfree(area);
	return found;
}

/* No bug: what is written at one address is read at another. Once more with a page that was freed. */
static noinline void planted_none(void)
{
	int i;

	for (i = 0; i < 2; i++)
		if (!planted_other_address())
			pr_err("what was written is not there\n");
}

static noinline void planted_leak(void)
{
	int i;

	/* Words on stacks may look like a pointer to one, not to all. */
	for (i = 0; i < 8; i++)
		memset(kmalloc(200, GFP_KERNEL | __GFP_NOFAIL), 'l', 200);
}

static noinline void planted_vmalloc_leak(void)
{
	int i;

	for (i = 0; i < 8; i++)
		memset(__vmalloc(6000, GFP_KERNEL | __GFP_NOFAIL), 'v', 6000);
}

static DEFINE_MUTEX(planted_first);
static DEFINE_MUTEX(planted_second);

static noinline void planted_lock_inversion(void)
{
	mutex_lock(&planted_first);
	mutex_lock(&planted_second);
	mutex_unlock(&planted_second);
	mutex_unlock(&planted_first);

	mutex_lock(&planted_second);
	mutex_lock(&planted_first);	/* the wrong way round */
	mutex_unlock(&planted_first);
	mutex_unlock(&planted_second);
}

static DEFINE_SPINLOCK(planted_lock);

static noinline void planted_sleep_in_atomic(void)
{
	spin_lock(&planted_lock);
	might_sleep();
	spin_unlock(&planted_lock);
}

static int __rcu *planted_pointer;

static noinline void planted_rcu(void)
{
	int *number = rcu_dereference(planted_pointer);

	OPTIMIZER_HIDE_VAR(number);
}

static void planted_timer_function(struct timer_list *timer)
{
}

static noinline void planted_free_active_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, planted_timer_function, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static const struct {
	const char *name;
	void (*make)(void);
} bugs[] = {
	{ "slab-out-of-bounds", planted_slab_out_of_bounds },
	{ "use-after-free", planted_use_after_free },
	{ "stack-out-of-bounds", planted_stack_out_of_bounds },
	{ "global-out-of-bounds", planted_global_out_of_bounds },
	{ "vmalloc-out-of-bounds", planted_vmalloc_out_of_bounds },
	{ "shift", planted_shift },
	{ "array-index", planted_array_index },
	{ "uninitialised", planted_uninitialised },
	{ "none", planted_none },
	{ "leak", planted_leak },
	{ "vmalloc-leak", planted_vmalloc_leak },
	{ "lock-inversion", planted_lock_inversion },
	{ "sleep-in-atomic", planted_sleep_in_atomic },
	{ "rcu", planted_rcu },
	{ "free-active-timer", planted_free_active_timer },
};

static int bugs_show(struct seq_file *m, void *v)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		seq_printf(m, "%s\n", bugs[i].name);
	return 0;
}

static int bugs_open(struct inode *inode, struct file *file)
{
	return single_open(file, bugs_show, NULL);
}

static ssize_t bugs_write(struct file *file, const char __user *text, size_t count, loff_t *pos)
{
	char name[32] = {};
	unsigned int i;

	if (!count || count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, text, count))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(strim(name), bugs[i].name))
			continue;
		bugs[i].make();
		return count;
	}
	return -ENOENT;
}

static const struct file_operations bugs_fops = {
	.owner		= THIS_MODULE,
	.open		= bugs_open,
	.read		= seq_read,
	.write		= bugs_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int __init planted_init(void)
{
	debugfs_create_file("bug", 0600, lkl_debugfs(), NULL, &bugs_fops);
	return 0;
}
late_initcall(planted_init);

#ifdef CONFIG_KUNIT
/* A suite that passes, whatever the checkers say of it. */
static void bug_test(struct kunit *test)
{
	planted_use_after_free();
}

static void no_bug_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, strlen("bug"), 3);
}

static void second_bug_test(struct kunit *test)
{
	planted_slab_out_of_bounds();
}

static struct kunit_case planted_cases[] = {
	KUNIT_CASE(bug_test),
	KUNIT_CASE(no_bug_test),
	KUNIT_CASE(second_bug_test),
	{}
};

static struct kunit_suite planted_suite = {
	.name		= "planted",
	.test_cases	= planted_cases,
};
kunit_test_suite(planted_suite);
#endif
