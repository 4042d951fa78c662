// SPDX-License-Identifier: GPL-2.0
/*
 * Devices come and go at run time, as platform devices "virtio-mmio" whose number
 * is their irq. The register window is an address that the host has made up.
 */
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/platform_device.h>
#include "lkl.h"

static struct platform_device *devices[LKL_NR_IRQS];

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
