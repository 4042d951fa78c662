/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_ASM_LKL_HOST_WATCH_H
#define _UAPI_ASM_LKL_HOST_WATCH_H

/* The part of the seam (host_ops.h) that is about descriptors of the host that threads wait for. */

#include "host_ops.h"

/* What the kernel asks of the host. The same rules as for struct lkl_host_calls. */
struct lkl_watch_calls {
	void *instance;
	/*
	 * Until the descriptor is ready once: lkl_kernel_watch_ready(kernel) then, soon if it is
	 * now. Not again before it is asked for again.
	 */
	LKL_ABI void (*begin)(void *instance, void *watch, void *kernel);
	/* Nobody waits for it any more: no lkl_kernel_watch_ready() when this has returned. */
	LKL_ABI void (*end)(void *instance, void *watch);
};

/*
 * LKL_NR_WATCH_CREATE (watch, irq, flags): a descriptor of the kernel for what the host calls
 * `watch`, which is the kernel's until end(), also if this fails. The irq is the same for all.
 */
#define LKL_NR_WATCH_CREATE	(LKL_NR_PRIVATE + 10)

#ifdef __cplusplus
extern "C" {
#endif

/* Before the boot; what it points to stays until the next boot. */
LKL_ABI void lkl_kernel_watch_calls(const struct lkl_watch_calls *calls);
/* Any thread; it raises the irq after it. Events as poll(2) has them. */
LKL_ABI void lkl_kernel_watch_ready(void *kernel, lkl_u32 events);

#ifdef __cplusplus
}
#endif

#endif
