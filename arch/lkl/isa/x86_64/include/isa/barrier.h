/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ISA_BARRIER_H
#define _ISA_BARRIER_H

/* Loads are not reordered with loads, nor stores with stores (x86 TSO). */
#define mb()	asm volatile("lock; addl $0,-4(%%rsp)" ::: "memory", "cc")
#define rmb()	barrier()
#define wmb()	barrier()

#endif
