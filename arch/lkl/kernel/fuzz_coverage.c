// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage for a fuzzer: how often each block was executed, counted in memory that the
 * fuzzer owns, so that it outlives the kernel which is thrown away after each run.
 */
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/preempt.h>
#include <asm/sections.h>
#include "lkl.h"

static u8 *counters;
static unsigned long counters_mask;

int lkl_fuzz_counters(u8 *bytes, unsigned long number)
{
	if (bytes && !is_power_of_2(number))
		return -EINVAL;
	counters_mask = number - 1;
	counters = bytes;
	return 0;
}

/*
 * Called in each basic block of file systems, which only ever run on kernel stacks: blocks
 * are counted, which needs no memory of the one before, and neighbours have counters that are
 * neighbours. Interrupts come when they like: what they do is none of the input's doing.
 * The object may be anywhere in memory, so a block is known by its distance from the
 * first one.
 */
void __wrap___sanitizer_cov_trace_pc(void);
void notrace __wrap___sanitizer_cov_trace_pc(void)
{
	unsigned long at, slot;

	if (!counters || !in_task())
		return;
	at = _RET_IP_ - (unsigned long)_stext;
	/* what is a MiB apart and more must not share all of it */
	slot = ((at >> 3) + (at >> 20) * 5003) & counters_mask;
	if (counters[slot] != U8_MAX)
		counters[slot]++;
}
