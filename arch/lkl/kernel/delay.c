// SPDX-License-Identifier: GPL-2.0
/* Delays: the processor is busy until they are over, but for interrupts. */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/math64.h>
#include <linux/processor.h>
#include <linux/timekeeping.h>
#include "lkl.h"

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
