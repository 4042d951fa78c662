/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_BARRIER_H
#define _ASM_LKL_BARRIER_H

/*
 * One virtual CPU: kernel code is never concurrent with itself, so smp_*() are
 * compiler barriers (asm-generic, !SMP). The mandatory ones are real: devices
 * and application threads look at the same memory from other host threads.
 */
#include <isa/barrier.h>

/*
 * Some rings that the application has mapped are handshakes without a call: the kernel sets
 * a flag by an atomic, then looks (io_uring's IORING_SQ_NEED_WAKEUP). Its barrier is this.
 */
#define smp_mb__after_atomic()	mb()

#include <asm-generic/barrier.h>

#endif
