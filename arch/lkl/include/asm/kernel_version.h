/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_KERNEL_VERSION_H
#define _ASM_LKL_KERNEL_VERSION_H

/* Everything that differs between the kernel series we build with is here. */

#include <linux/types.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

u32 __pure __crc32c_le_base(u32 crc, unsigned char const *p, size_t len);

#endif
