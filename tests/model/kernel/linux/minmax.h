/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_TESTS_MODEL_LINUX_MINMAX_H
#define LKL_TESTS_MODEL_LINUX_MINMAX_H

/* Each argument once: it may be a step of its own. */
#define LKL_MODEL_BETTER(a, compare, b)                         \
	({                                                      \
		__typeof__(a) first = (a);                      \
		__typeof__(b) second = (b);                     \
		first compare second ? first : second;          \
	})
#define min(a, b) LKL_MODEL_BETTER(a, <, b)
#define max(a, b) LKL_MODEL_BETTER(a, >, b)
#define clamp(x, low, high) LKL_MODEL_BETTER(LKL_MODEL_BETTER(x, >, low), <, high)

#endif
