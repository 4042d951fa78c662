// SPDX-License-Identifier: GPL-2.0
/*
 * Time is the host's CLOCK_MONOTONIC. Asking the host costs some 25 ns, too much
 * for what the scheduler does at each switch: between two questions, a few
 * milliseconds apart, the cycle counter is used, if the host says that it can be
 * trusted. The rate is measured, not configured, over a window that follows the
 * host's own corrections.
 *
 * A rate is believed when two measurements, one after the other, agree: a machine that
 * slept has a counter that ran on, or began anew, while CLOCK_MONOTONIC stood still; one
 * that has moved to other hardware has another counter. Then the host is asked each time
 * until the rate is known again.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <asm/host_ops.h>
#include <asm/cpu.h>
#include <isa/cpu.h>
#include "lkl.h"

#define RATE_SHIFT	32
#define MIN_WINDOW_NS	(2 * NSEC_PER_MSEC)	/* before there is a rate */
#define MAX_WINDOW_NS	(4 * (u64)NSEC_PER_SEC)	/* then a new one is begun */
#define ASK_EVERY_NS	(4 * NSEC_PER_MSEC)
#define RATE_TOLERANCE	100			/* one part in so many */

static struct {
	u64 cycles, ns;			/* the last answer of the host */
	u64 limit;			/* cycles for which it is good; 0: ask */
	u64 rate;			/* ns per cycle << RATE_SHIFT */
	u64 window_cycles, window_ns;	/* where the measurement of the rate began */
	u64 measured;			/* the last measurement, 0: none to compare with */
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
		u64 now = lkl_host->time(lkl_host->instance);
		u64 length = isa_cycles() - before;

		if (length >= shortest)
			continue;
		shortest = length;
		*cycles = before + length / 2;
		ns = now;
	}
	return ns;
}

static u64 begin_window(u64 ns, u64 cycles)
{
	clock.window_ns = ns;
	clock.window_cycles = cycles;
	clock.limit = 0;	/* measure anew, asking meanwhile */
	return clock.last = max(ns, clock.last);
}

static bool same_rate(u64 a, u64 b)
{
	u64 difference = a > b ? a - b : b - a;

	return difference <= b / RATE_TOLERANCE;
}

noinline u64 lkl_clock_ask_host(void)
{
	u64 ns, cycles, window, rate;

	if (!lkl_host->cycles_are_stable)
		return lkl_host->time(lkl_host->instance);

	ns = sample(&cycles);
	window = ns - clock.window_ns;
	if (!clock.window_ns || cycles <= clock.window_cycles || window > 2 * MAX_WINDOW_NS) {
		/* first call, or the machine slept and the counter began anew */
		clock.measured = 0;
		return begin_window(ns, cycles);
	}
	if (window < MIN_WINDOW_NS) {
		clock.limit = 0;
		return clock.last = max(ns, clock.last);
	}

	rate = mul_u64_u64_div_u64(window, 1ULL << RATE_SHIFT, cycles - clock.window_cycles);
	if (!clock.measured || !same_rate(rate, clock.measured)) {
		clock.measured = rate;
		return begin_window(ns, cycles);
	}
	clock.measured = rate;
	if (clock.last > ns && clock.last - ns < ASK_EVERY_NS / 2) {
		/* we ran ahead: go a little slower until the host has caught up */
		rate -= mul_u64_u64_div_u64(rate, clock.last - ns, ASK_EVERY_NS);
		ns = clock.last;
	}
	clock.rate = rate;
	clock.cycles = cycles;
	clock.ns = ns;
	clock.limit = div64_u64((u64)ASK_EVERY_NS << RATE_SHIFT, rate);
	if (window > MAX_WINDOW_NS)
		return begin_window(ns, cycles);
	return clock.last = max(ns, clock.last);
}

/* CLOCK_MONOTONIC of the host in ns. For the holder of the CPU only. */
u64 lkl_clock(void)
{
	u64 cycles = isa_cycles() - clock.cycles;

	/* also taken when the counter of another core is behind: a huge difference */
	if (unlikely(cycles >= clock.limit))
		return lkl_clock_ask_host();
	return clock.last = clock.ns + (cycles * clock.rate >> RATE_SHIFT);
}
