// SPDX-License-Identifier: GPL-2.0
/* Virtual interrupts: pending bits of the CPU's word become handler calls. */
#include <linux/hardirq.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqflags.h>
#include <linux/seq_file.h>
#include <asm/irq_regs.h>
#include "lkl.h"

/* Interrupts are enabled, something is pending; or the CPU comes from user mode. */
void lkl_cpu_do_pending(void)
{
	u64 pending;

	while ((pending = READ_ONCE(lkl_cpu.word) & ~LKL_CPU_HELD)) {
		struct pt_regs regs = { .user = lkl_cpu.in_user }, *old_regs;

		lkl_cpu.irqs_off = 1;
		trace_hardirqs_off();
		old_regs = set_irq_regs(&regs);
		irq_enter();
		if (pending & LKL_CPU_ENTER)
			lkl_take_entries();
		if (pending & LKL_CPU_TIMER) {
			__atomic_fetch_and(&lkl_cpu.word, ~LKL_CPU_TIMER, __ATOMIC_SEQ_CST);
			lkl_timer_interrupt();
		}
		pending >>= LKL_CPU_IRQ_SHIFT;
		while (pending) {
			unsigned int irq = __ffs(pending);

			pending &= pending - 1;
			/* before the handler: what comes after this needs another one */
			__atomic_fetch_and(&lkl_cpu.word, ~LKL_CPU_IRQ(irq), __ATOMIC_SEQ_CST);
			generic_handle_irq(irq);
		}
		irq_exit();
		set_irq_regs(old_regs);
		trace_hardirqs_on();
		lkl_cpu.irqs_off = 0;
		/* a long run of a kernel thread is left here, its clock being ticked */
		if (unlikely(lkl_cpu_hand_over_due()) && !lkl_cpu.in_user)
			__lkl_cpu_hand_over();
	}
}

/*
 * A loop that only waits for time to pass, and lets others go first, enables no interrupts:
 * cond_resched() looks for them. (What to reschedule for comes by an interrupt, too.) The
 * clock is minded by the executor, unless that is awake, which may be just here.
 */
int __real___cond_resched(void);
int __wrap___cond_resched(void);
int __wrap___cond_resched(void)
{
	if (unlikely(lkl_cpu_pending() || !READ_ONCE(lkl_cpu.executor_deadline)))
		cpu_relax();
	return __real___cond_resched();
}

void __init init_IRQ(void)
{
	int irq;

	for (irq = 0; irq < NR_IRQS; irq++)
		irq_set_chip_and_handler(irq, &dummy_irq_chip, handle_simple_irq);
}
