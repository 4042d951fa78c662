/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_IRQ_H
#define _ASM_LKL_IRQ_H

#include <asm/host_ops.h>

/* Each irq is one bit of the pending word of the virtual CPU. */
#define NR_IRQS LKL_NR_IRQS

#endif
