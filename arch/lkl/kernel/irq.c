// SPDX-License-Identifier: GPL-2.0
/* Virtual interrupts: pending bits of the CPU's word become handler calls. */
#include <linux/export.h>
#include <linux/hardirq.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqflags.h>
#include <linux/seq_file.h>
#include <uapi/linux/io_uring.h>
#include <asm/irq_regs.h>
#include <asm/kernel_version.h>
#include "lkl.h"
#include "shared_word.h"

/* Interrupts are enabled, something is pending; or the CPU comes from user mode. */
void lkl_cpu_do_pending(void)
{
	u64 pending, irqs;

	while ((pending = READ_ONCE(lkl_cpu.word) & LKL_CPU_INTERRUPTS)) {
		struct pt_regs regs = { .user = lkl_cpu.in_user }, *old_regs;

		lkl_cpu.irqs_off = 1;
		trace_hardirqs_off();
		old_regs = set_irq_regs(&regs);
		irq_enter();
		if (pending & LKL_CPU_ENTER)
			lkl_take_entries();
		if (pending & LKL_CPU_TIMER) {
			LKL_FETCH_AND(lkl_cpu.word, ~LKL_CPU_TIMER);
			lkl_timer_interrupt();
		}
		irqs = pending >> LKL_CPU_IRQ_SHIFT;
		while (irqs) {
			unsigned int irq = __ffs(irqs);

			irqs &= irqs - 1;
			/* before the handler: what comes after this needs another one */
			LKL_FETCH_AND(lkl_cpu.word, ~LKL_CPU_IRQ(irq));
			generic_handle_irq(irq);
		}
		irq_exit();
		set_irq_regs(old_regs);
		trace_hardirqs_on();
		lkl_cpu.irqs_off = 0;
		/*
		 * A long run of a kernel thread is left here, its clock being ticked. That I/O
		 * is kept for the runner is no limit before a tick.
		 */
		if (unlikely(lkl_cpu_limit_is_reached()) && !lkl_cpu.in_user &&
		    (pending & LKL_CPU_TIMER || !(lkl_cpu.leave & LKL_LEAVE_IO)))
			lkl_cpu_limit_reached();
	}
	/* a thread that is to fork wants the CPU as it is */
	if (unlikely(READ_ONCE(lkl_cpu.word) & LKL_CPU_HOLD) && !lkl_cpu.in_user)
		lkl_cpu_hand_over();
}

/* In loops that wait: looks for what nobody else would hear of. */
void lkl_cpu_relax(void)
{
	barrier();
	if (lkl_cpu.irqs_off)
		return;
	if (lkl_clock() >= lkl_cpu.next_event)
		LKL_FETCH_OR(lkl_cpu.word, LKL_CPU_TIMER);
	if (lkl_cpu_pending())
		lkl_cpu_do_pending();
}
EXPORT_SYMBOL(lkl_cpu_relax);

/*
 * A loop that only waits for time to pass, and lets others go first, enables no interrupts:
 * cond_resched() looks for them. (What to reschedule for comes by an interrupt, too.)
 */
int __real___cond_resched(void);
int __wrap___cond_resched(void);
int __wrap___cond_resched(void)
{
	if (unlikely(lkl_cpu_pending()))
		cpu_relax();
	return __real___cond_resched();
}

#if defined(CONFIG_IO_URING) && LKL_URING_POLLER_LOOKS_FOR_WORK
/*
 * The thread that polls a submission queue of io_uring does so until jiffies have passed, and
 * enables no interrupts meanwhile. This it calls in each turn.
 */
struct io_uring_task;
struct llist_node;
struct llist_node *__real_tctx_task_work_run(struct io_uring_task *tctx, unsigned int max_entries,
					     unsigned int *count);
struct llist_node *__wrap_tctx_task_work_run(struct io_uring_task *tctx, unsigned int max_entries,
					     unsigned int *count);
struct llist_node *__wrap_tctx_task_work_run(struct io_uring_task *tctx, unsigned int max_entries,
					     unsigned int *count)
{
	if (unlikely(lkl_cpu_pending()))
		cpu_relax();
	return __real_tctx_task_work_run(tctx, max_entries, count);
}
#endif

#ifdef CONFIG_IO_URING
/*
 * Before Linux 6.9 it calls nothing at all, in stable versions of late (6.1.192): it would be the
 * CPU for ever. As where it is not supported.
 */
struct io_ring_ctx;
int __real_io_sq_offload_create(struct io_ring_ctx *ctx, struct io_uring_params *p);
int __wrap_io_sq_offload_create(struct io_ring_ctx *ctx, struct io_uring_params *p);
int __wrap_io_sq_offload_create(struct io_ring_ctx *ctx, struct io_uring_params *p)
{
	if (!LKL_URING_POLLER_LOOKS_FOR_WORK && (p->flags & IORING_SETUP_SQPOLL))
		return -EINVAL;
	return __real_io_sq_offload_create(ctx, p);
}
#endif

void __init init_IRQ(void)
{
	int irq;

	for (irq = 0; irq < NR_IRQS; irq++)
		irq_set_chip_and_handler(irq, &dummy_irq_chip, handle_simple_irq);
}
