// SPDX-License-Identifier: GPL-2.0
#include "core/calls.h"
#include "core/instance.h"
#include "core/registry.h"
#include "lkl.h"

using lkl::host::Registry;

int lkl_get_free_irq(const char*) {
  const Registry::Use instance;
  if (!instance) return -LKL_EINVAL;
  const int irq = instance->bus().allocate_irq();
  return irq < 0 ? -LKL_EBUSY : irq;
}

void lkl_put_irq(int irq, const char*) {
  const Registry::Use instance;
  if (instance && irq >= 0 && irq < LKL_NR_IRQS) instance->bus().free_irq(irq);
}

int lkl_trigger_irq(int irq) {
  const Registry::Use instance;
  if (!instance || irq < 0 || irq >= LKL_NR_IRQS) return -LKL_EINVAL;
  if (!instance->running()) return -LKL_ENODEV;
  lkl::host::tell_kernel();
  lkl_kernel_raise(irq);
  lkl_kernel_attend();
  return 0;
}
