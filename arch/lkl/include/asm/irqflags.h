/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_IRQFLAGS_H
#define _ASM_LKL_IRQFLAGS_H

#include <asm/cpu.h>

/* Virtual interrupts are taken where they become enabled, and in idle. */

static __always_inline unsigned long arch_local_save_flags(void)
{
	return READ_ONCE(lkl_cpu.irqs_off);
}

static __always_inline void arch_local_irq_disable(void)
{
	WRITE_ONCE(lkl_cpu.irqs_off, 1);
	barrier();
}

static __always_inline void arch_local_irq_enable(void)
{
	barrier();
	WRITE_ONCE(lkl_cpu.irqs_off, 0);
	if (unlikely(lkl_cpu_pending()))
		lkl_cpu_do_pending();
}

static __always_inline unsigned long arch_local_irq_save(void)
{
	unsigned long flags = arch_local_save_flags();

	arch_local_irq_disable();
	return flags;
}

static __always_inline void arch_local_irq_restore(unsigned long flags)
{
	if (flags)
		arch_local_irq_disable();
	else
		arch_local_irq_enable();
}

static __always_inline bool arch_irqs_disabled_flags(unsigned long flags)
{
	return flags;
}

static __always_inline bool arch_irqs_disabled(void)
{
	return arch_local_save_flags();
}

#endif
