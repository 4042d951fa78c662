// SPDX-License-Identifier: GPL-2.0
#include "virtio/bus.h"

namespace lkl::host {

int Bus::allocate_irq() {
  uint64_t used = used_irqs_.load();
  for (unsigned irq = kFirstIrq; irq < LKL_NR_IRQS; ++irq) {
    while (!(used & (uint64_t{1} << irq))) {
      if (used_irqs_.compare_exchange_weak(used, used | uint64_t{1} << irq)) return irq;
    }
  }
  return -1;
}

void Bus::free_irq(unsigned irq) {
  used_irqs_.fetch_and(~(uint64_t{1} << irq));
}

RegisterWindow* Bus::find(uint64_t address) const {
  const uint64_t index = (address - kBase) / kWindow;
  return address >= kBase && index < windows_.size() ? windows_[index].load() : nullptr;
}

uint64_t Bus::read(uint64_t address, unsigned size) const {
  RegisterWindow* window = find(address);
  return window ? window->read((address - kBase) % kWindow, size) : ~uint64_t{0};
}

void Bus::write(uint64_t address, uint64_t value, unsigned size) const {
  if (RegisterWindow* window = find(address))
    window->write((address - kBase) % kWindow, value, size);
}

}  // namespace lkl::host
