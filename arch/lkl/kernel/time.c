// SPDX-License-Identifier: GPL-2.0
/*
 * Time is the host's CLOCK_MONOTONIC. Asking the host costs some 25 ns, too much
 * for what the scheduler does at each switch: between two questions, a few
 * milliseconds apart, the cycle counter is used, if the host says that it can be
 * trusted. The rate is measured, not configured, over a window that follows the
 * host's own corrections.
 */
#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/math64.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>
#include <isa/cpu.h>
#include "lkl.h"

#define RATE_SHIFT	32
#define MIN_WINDOW_NS	(2 * NSEC_PER_MSEC)	/* before a rate is believed */
#define MAX_WINDOW_NS	(4 * (u64)NSEC_PER_SEC)	/* then a new one is begun */
#define ASK_EVERY_NS	(4 * NSEC_PER_MSEC)

static struct {
	u64 cycles, ns;			/* the last answer of the host */
	u64 limit;			/* cycles for which it is good; 0: ask */
	u64 rate;			/* ns per cycle << RATE_SHIFT */
	u64 window_cycles, window_ns;	/* where the measurement of the rate began */
	u64 last;			/* what we said last: never say less */
} clock;

/*
 * Both clocks at one moment. The host may have run something else between the
 * readings; the shortest of a few attempts is believed.
 */
static u64 sample(u64 *cycles)
{
	u64 ns = 0, shortest = ~0ULL;
	int i;

	for (i = 0; i < 3; i++) {
		u64 before = isa_cycles();
		u64 now = lkl_host->time();
		u64 length = isa_cycles() - before;

		if (length >= shortest)
			continue;
		shortest = length;
		*cycles = before + length / 2;
		ns = now;
	}
	return ns;
}

static noinline u64 ask_host(void)
{
	u64 ns, cycles, window, rate;

	if (!lkl_host->cycles_are_stable)
		return lkl_host->time();

	ns = sample(&cycles);
	window = ns - clock.window_ns;
	if (!clock.window_ns || cycles <= clock.window_cycles || window > 2 * MAX_WINDOW_NS) {
		/* first call, or the machine slept and the counter began anew */
		clock.window_ns = ns;
		clock.window_cycles = cycles;
		clock.limit = 0;
		return clock.last = max(ns, clock.last);
	}
	if (window < MIN_WINDOW_NS)
		return clock.last = max(ns, clock.last);

	rate = mul_u64_u64_div_u64(window, 1ULL << RATE_SHIFT, cycles - clock.window_cycles);
	if (clock.last > ns && clock.last - ns < ASK_EVERY_NS / 2) {
		/* we ran ahead: go a little slower until the host has caught up */
		rate -= mul_u64_u64_div_u64(rate, clock.last - ns, ASK_EVERY_NS);
		ns = clock.last;
	}
	clock.rate = rate;
	clock.cycles = cycles;
	clock.ns = ns;
	clock.limit = div64_u64((u64)ASK_EVERY_NS << RATE_SHIFT, rate);
	if (window > MAX_WINDOW_NS) {
		clock.window_ns = ns;
		clock.window_cycles = cycles;
		clock.limit = 0;	/* measure anew, asking meanwhile */
	}
	return clock.last = max(ns, clock.last);
}

/* CLOCK_MONOTONIC of the host in ns. For the holder of the CPU only. */
u64 lkl_clock(void)
{
	u64 cycles = isa_cycles() - clock.cycles;

	/* also taken when the counter of another core is behind: a huge difference */
	if (unlikely(cycles >= clock.limit))
		return ask_host();
	return clock.last = clock.ns + (cycles * clock.rate >> RATE_SHIFT);
}

static u64 boot_ns;

unsigned long long notrace sched_clock(void)
{
	u64 now = lkl_clock();

	lkl_cpu.clock = now;
	return boot_ns ? now - boot_ns : 0;
}

void __ndelay(unsigned long nsecs)
{
	u64 end = lkl_clock() + nsecs;

	while (lkl_clock() < end)
		cpu_relax();
}
EXPORT_SYMBOL(__ndelay);

void __udelay(unsigned long usecs)
{
	__ndelay(usecs * NSEC_PER_USEC);
}
EXPORT_SYMBOL(__udelay);

/* udelay() of a constant hands over usecs * 2^32 / 10^6 */
void __const_udelay(unsigned long xloops)
{
	__ndelay(mul_u64_u64_div_u64(xloops, NSEC_PER_SEC, 1ULL << 32));
}
EXPORT_SYMBOL(__const_udelay);

void __delay(unsigned long loops)
{
	__ndelay(loops);
}
EXPORT_SYMBOL(__delay);

/* there is no loop whose speed would have to be known */
void calibrate_delay(void)
{
}

void read_persistent_clock64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(lkl_host->realtime());
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

static int event_shutdown(struct clock_event_device *dev)
{
	WRITE_ONCE(lkl_cpu.next_event, LKL_NO_DEADLINE);
	return 0;
}

static int event_oneshot(struct clock_event_device *dev)
{
	return 0;
}

static int event_set_next(unsigned long delta, struct clock_event_device *dev)
{
	u64 event = lkl_clock() + delta;
	u64 late = event + TICK_NSEC;

	WRITE_ONCE(lkl_cpu.next_event, event);
	lkl_cpu.activity++;
	/*
	 * While the CPU is held it is enough that somebody comes within a tick;
	 * the holder looks again when it leaves (cpu.c, invariant 5).
	 */
	if (READ_ONCE(lkl_cpu.executor_deadline) > late &&
	    READ_ONCE(lkl_cpu.watcher_deadline) > late)
		lkl_host->executor_kick();
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
	if (lkl_clock() < lkl_cpu.next_event && ask_host() < lkl_cpu.next_event)
		return;
	WRITE_ONCE(lkl_cpu.next_event, LKL_NO_DEADLINE);
	event_device.event_handler(&event_device);
}

void __init time_init(void)
{
	boot_ns = lkl_clock();
	clocksource_register_hz(&clocksource, NSEC_PER_SEC);
	event_device.cpumask = cpumask_of(0);
	clockevents_config_and_register(&event_device, NSEC_PER_SEC, 1000, LONG_MAX);
}
