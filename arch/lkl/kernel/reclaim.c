// SPDX-License-Identifier: GPL-2.0
/*
 * When memory runs low.
 *
 * Who makes many files fills it with dirty inodes. They can't be freed, their number is not
 * limited as that of dirty pages is, and reclaim has the flushers write for the sake of pages
 * only: they would stay for half a minute. With memory as small as ours often is that is too
 * long. And what reclaim does free of inodes and dentries comes back after a grace period of
 * RCU, so with one CPU that is never preempted not before the task that waits for memory
 * gives the CPU away.
 */
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>
#include <linux/writeback.h>
#include <asm/kernel_version.h>

/* How often the flushers are woken at most. */
#define FLUSH_INTERVAL	msecs_to_jiffies(50)
/* How long is waited for them before the kernel gives up, and how often in vain. */
#define FLUSH_TIME	msecs_to_jiffies(20)
#define MOST_WAITS	250

static void begin_commit(struct super_block *sb, void *unused)
{
	if (!sb_rdonly(sb) && sb->s_op->sync_fs)
		sb->s_op->sync_fs(sb, 0);
}

/*
 * A journal keeps in memory what its running transaction has changed. A commit waits for who is in
 * the midst of a change, and that one may be waiting for memory: it has to begin before there is
 * none.
 */
static void begin_commits(struct work_struct *unused)
{
	iterate_supers(begin_commit, NULL);
}

/* Not in the task that lacks memory: it may be just mounting, and have the file system locked. */
static DECLARE_WORK(commits, begin_commits);

/* What is in memory only because it is not yet written is freed when it is. */
static void have_it_written(void)
{
	wakeup_flusher_threads(WB_REASON_VMSCAN);
	schedule_work(&commits);
}

/* A shrinker that frees nothing itself: being asked tells it that memory is looked for. */
static unsigned long flush_some(struct shrinker *shrinker, struct shrink_control *control)
{
	static unsigned long last;

	if (time_in_range(jiffies, last, last + FLUSH_INTERVAL))
		return 0;
	last = jiffies;
	have_it_written();
	return 0;
}

static unsigned long free_none(struct shrinker *shrinker, struct shrink_control *control)
{
	return SHRINK_STOP;
}

/* Is asked before the kernel gives up for want of memory; the last who can prevent it. */
static int before_giving_up(struct notifier_block *nb, unsigned long unused, void *freed)
{
	static unsigned long last;
	static unsigned int in_vain;
	unsigned long before = global_zone_page_state(NR_FREE_PAGES);
	long gained;

	rcu_barrier();
	gained = global_zone_page_state(NR_FREE_PAGES) - before;
	if (gained <= 0) {
		have_it_written();
		schedule_timeout_uninterruptible(FLUSH_TIME);
		rcu_barrier();
		gained = global_zone_page_state(NR_FREE_PAGES) - before;
	}
	if (gained > 0 || time_after(jiffies, last + HZ))
		in_vain = 0;
	else
		in_vain++;
	last = jiffies;
	if (in_vain < MOST_WAITS)
		*(unsigned long *)freed += max(gained, 1L);
	return NOTIFY_OK;
}

static struct notifier_block giving_up_block = {
	.notifier_call = before_giving_up,
};

static int __init watch_memory(void)
{
#if LKL_SHRINKERS_ARE_ALLOCATED
	struct shrinker *shrinker = shrinker_alloc(0, "lkl-flush");

	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = flush_some;
	shrinker->scan_objects = free_none;
	shrinker_register(shrinker);
#else
	static struct shrinker shrinker = {
		.count_objects = flush_some,
		.scan_objects = free_none,
		.seeks = DEFAULT_SEEKS,
	};
	int error = register_shrinker(&shrinker, "lkl-flush");

	if (error)
		return error;
#endif
	return register_oom_notifier(&giving_up_block);
}
late_initcall(watch_memory);
