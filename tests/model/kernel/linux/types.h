/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_TESTS_MODEL_LINUX_TYPES_H
#define LKL_TESTS_MODEL_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned char u8;

#endif
