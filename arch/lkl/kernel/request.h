/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ARCH_LKL_KERNEL_REQUEST_H
#define _ARCH_LKL_KERNEL_REQUEST_H

/* What the state of a thread's record says of its request. */

#include <asm/cpu.h>
#include "shared_word.h"

static __always_inline bool lkl_request_posted(const struct lkl_host_thread *ht)
{
	return (LKL_LOAD_ACQUIRE(ht->state) & LKL_REQ_PHASE) == LKL_REQ_POSTED;
}

#endif
