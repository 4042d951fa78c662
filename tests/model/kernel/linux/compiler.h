/* SPDX-License-Identifier: GPL-2.0 */
/*
 * This folder stands in for the headers of the kernel where tests/model compiles files of
 * arch/lkl/kernel that run on stacks of the host and need little of it.
 */
#ifndef LKL_TESTS_MODEL_LINUX_COMPILER_H
#define LKL_TESTS_MODEL_LINUX_COMPILER_H

#include "words.h"

#undef __always_inline
#define __always_inline inline
#define noinline __attribute__((__noinline__))
#define likely(x) (x)
#define unlikely(x) (x)
#define barrier() ((void)0)
#define ____cacheline_aligned __attribute__((__aligned__(64)))
#ifndef __cplusplus
#define __noreturn __attribute__((__noreturn__))
#endif
#define __user
#define asmlinkage
#define READ_ONCE(x) MODEL_LOAD(x)

#endif
