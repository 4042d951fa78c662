/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_BARRIER_H
#define _ASM_LKL_BARRIER_H

/*
 * One virtual CPU: kernel code is never concurrent with itself, so smp_*() are
 * compiler barriers (asm-generic, !SMP). The mandatory ones are real: devices
 * and application threads look at the same memory from other host threads.
 */
#include <isa/barrier.h>
#include <asm-generic/barrier.h>

#endif
