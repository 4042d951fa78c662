/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_IO_H
#define _ASM_LKL_IO_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/host_ops.h>

/*
 * Device registers are calls to the host. An address is the number that
 * LKL_NR_MMIO_DEVICE_ADD gave; nothing is mapped there. Other addresses are
 * memory that somebody treats as registers, as tests of drivers do.
 */
u64 lkl_mmio_read(u64 addr, unsigned int size);
void lkl_mmio_write(u64 addr, u64 value, unsigned int size);

static inline bool lkl_is_device(const volatile void __iomem *addr)
{
	return (unsigned long)addr - LKL_MMIO_BASE < LKL_MMIO_SIZE;
}

#define LKL_RAW_IO(sfx, type)							\
static inline type __raw_read##sfx(const volatile void __iomem *addr)		\
{										\
	if (likely(lkl_is_device(addr)))					\
		return lkl_mmio_read((unsigned long)addr, sizeof(type));	\
	return *(const volatile type __force *)addr;				\
}										\
static inline void __raw_write##sfx(type value, volatile void __iomem *addr)	\
{										\
	if (likely(lkl_is_device(addr)))					\
		lkl_mmio_write((unsigned long)addr, value, sizeof(type));	\
	else									\
		*(volatile type __force *)addr = value;				\
}

LKL_RAW_IO(b, u8)
LKL_RAW_IO(w, u16)
LKL_RAW_IO(l, u32)
LKL_RAW_IO(q, u64)

#undef LKL_RAW_IO

#define __raw_readb __raw_readb
#define __raw_readw __raw_readw
#define __raw_readl __raw_readl
#define __raw_readq __raw_readq
#define __raw_writeb __raw_writeb
#define __raw_writew __raw_writew
#define __raw_writel __raw_writel
#define __raw_writeq __raw_writeq

#define ioremap ioremap
static inline void __iomem *ioremap(phys_addr_t offset, size_t size)
{
	return (void __iomem *)offset;
}

#define iounmap iounmap
static inline void iounmap(volatile void __iomem *addr)
{
}

#include <asm-generic/io.h>

#endif
