// SPDX-License-Identifier: GPL-2.0
/*
 * Devices come and go at run time, as platform devices "virtio-mmio" whose number
 * is their irq. The register window is an address that the host has made up.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/platform_device.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include "lkl.h"

static struct platform_device *devices[LKL_NR_IRQS];

u64 lkl_mmio_read(u64 addr, unsigned int size)
{
	return lkl_host->mmio_read(lkl_host->instance, addr, size);
}
EXPORT_SYMBOL(lkl_mmio_read);

/* The thread that is the CPU, if it is its own call that is at work. */
static struct lkl_host_thread *waiter(void)
{
	struct lkl_host_thread *ht = current->thread.host_thread;

	return ht && ht == lkl_cpu.runner && !in_interrupt() ? ht : NULL;
}

void lkl_mmio_write(u64 addr, u64 value, unsigned int size)
{
	struct lkl_host_thread *ht = waiter();

	lkl_host->mmio_write(lkl_host->instance, addr, value, size, ht);
	if (ht && ht->kept_io && !(lkl_cpu.leave & LKL_LEAVE_IO)) {
		/* when another task is to run, or the thread is to leave: see to it */
		lkl_cpu.leave |= LKL_LEAVE_IO;
		lkl_cpu.serve_until = 0;
	}
}
EXPORT_SYMBOL(lkl_mmio_write);

int lkl_mmio_device_add(u64 base, u64 size, unsigned int irq)
{
	struct resource resources[] = {
		DEFINE_RES_MEM(base, size),
		DEFINE_RES_IRQ(irq),
	};
	struct platform_device *dev;

	if (irq >= LKL_NR_IRQS)
		return -EINVAL;
	if (devices[irq])
		return -EBUSY;
	dev = platform_device_register_simple("virtio-mmio", irq, resources,
					      ARRAY_SIZE(resources));
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	devices[irq] = dev;
	return 0;
}

int lkl_mmio_device_remove(unsigned int irq)
{
	if (irq >= LKL_NR_IRQS || !devices[irq])
		return -ENODEV;
	platform_device_unregister(devices[irq]);
	devices[irq] = NULL;
	return 0;
}
