// SPDX-License-Identifier: GPL-2.0
// What the files of host/api know of each other, not for applications.
#pragma once

// The irq of a disk, and with it the name of its platform device in sysfs
// (virtio-mmio.IRQ); -LKL_ENODEV if there is no such disk.
extern "C" int lkl_disk_irq(int disk_id);
