// SPDX-License-Identifier: GPL-2.0
/* What all files of this folder look at: the virtual CPU, and how to call the host. */
#include <linux/cache.h>
#include <asm/host_ops.h>
#include <asm/cpu.h>
#include "lkl.h"

struct lkl_cpu lkl_cpu ____cacheline_aligned = {
	.word = LKL_CPU_HELD,		/* until the boot is through */
	.minder_deadline = LKL_NO_DEADLINE,
	.next_event = LKL_NO_DEADLINE,
	.serve_until = LKL_NO_TIME_LIMIT,
	.mode = LKL_MODE_KERNEL,
	.irqs_off = 1,
};

const struct lkl_host_calls *lkl_host;

struct lkl_host_thread *lkl_executor;
