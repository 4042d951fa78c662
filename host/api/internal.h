// SPDX-License-Identifier: GPL-2.0
// What the files of host/api know of each other, not for applications.
#pragma once

#include "lkl.h"

// Any call, one of the seam's own numbers as well.
extern "C" lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d,
                                 lkl_long e, lkl_long f);

// The irq of a disk, and with it the name of its platform device in sysfs
// (virtio-mmio.IRQ); -LKL_ENODEV if there is no such disk.
extern "C" int lkl_disk_irq(int disk_id);
