// SPDX-License-Identifier: GPL-2.0
/* The kernel's clock source, and its one timer. */
#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/pvclock_gtod.h>
#include <linux/sched/clock.h>
#include <linux/timekeeper_internal.h>
#include <linux/timekeeping.h>
#include <asm/host_clock.h>
#include "lkl.h"
#include "shared_word.h"

static u64 boot_ns;

unsigned long long notrace sched_clock(void)
{
	u64 now = lkl_clock();

	lkl_cpu.clock = now;
	return boot_ns ? now - boot_ns : 0;
}

void read_persistent_clock64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(lkl_host->realtime(lkl_host->instance));
}

static u64 clocksource_read(struct clocksource *cs)
{
	return lkl_clock();
}

static struct clocksource clocksource = {
	.name	= "lkl",
	.rating	= 499,
	.read	= clocksource_read,
	.flags	= CLOCK_SOURCE_IS_CONTINUOUS,
	.mask	= CLOCKSOURCE_MASK(64),
};

static s64 realtime_ahead;

/* After each step of the timekeeper, whose lock is held. */
static int timekeeper_has_moved(struct notifier_block *nb, unsigned long was_set, void *data)
{
	const struct timekeeper *tk = data;
	const struct tk_read_base *base = &tk->tkr_mono;

	/* one that counts jiffies comes first */
	if (base->clock == &clocksource)
		LKL_STORE_RELAXED(realtime_ahead, (s64)(tk->xtime_sec * NSEC_PER_SEC +
							(base->xtime_nsec >> base->shift) -
							base->cycle_last));
	return 0;
}

static struct notifier_block timekeeper_notifier = { .notifier_call = timekeeper_has_moved };

s64 lkl_kernel_realtime_ahead(void)
{
	return LKL_LOAD_RELAXED(realtime_ahead);
}

static int event_shutdown(struct clock_event_device *dev)
{
	LKL_STORE(lkl_cpu.next_event, LKL_NO_DEADLINE);
	return 0;
}

static int event_oneshot(struct clock_event_device *dev)
{
	return 0;
}

static int event_set_next(unsigned long delta, struct clock_event_device *dev)
{
	u64 event = lkl_clock() + delta;

	lkl_cpu.activity++;
	/* then looked: the minder says until when it sleeps, then looks here again */
	LKL_STORE(lkl_cpu.next_event, event);
	/* the holder looks again when it leaves (host_side.c, invariant 5) */
	if (LKL_LOAD(lkl_cpu.minder_deadline) > event + LKL_GUARD_NS) {
		LKL_STORE(lkl_cpu.minder_deadline, 0);
		lkl_host->mind(lkl_host->instance);
	}
	return 0;
}

static struct clock_event_device event_device = {
	.name			= "lkl",
	.features		= CLOCK_EVT_FEAT_ONESHOT,
	.rating			= 499,
	.set_state_oneshot	= event_oneshot,
	.set_state_shutdown	= event_shutdown,
	.set_next_event		= event_set_next,
};

void lkl_timer_interrupt(void)
{
	/*
	 * Who set LKL_CPU_TIMER has asked the host. If our own clock is not there yet
	 * it is behind, and the same thread would come again and again.
	 */
	if (lkl_clock() < lkl_cpu.next_event && lkl_clock_ask_host() < lkl_cpu.next_event)
		return;
	LKL_STORE(lkl_cpu.next_event, LKL_NO_DEADLINE);
	event_device.event_handler(&event_device);
}

void __init time_init(void)
{
	boot_ns = lkl_clock();
	clocksource_register_hz(&clocksource, NSEC_PER_SEC);
	pvclock_gtod_register_notifier(&timekeeper_notifier);
	event_device.cpumask = cpumask_of(0);
	clockevents_config_and_register(&event_device, NSEC_PER_SEC, 1000, LONG_MAX);
}
