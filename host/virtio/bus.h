// SPDX-License-Identifier: GPL-2.0
// The addresses and irqs of devices. An address is a number that only this class
// and the kernel's resource tree know; nothing is mapped there.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "asm/host_ops.h"

namespace lkl::host {

// A register window as the kernel's drivers see it. Called with the virtual CPU
// held, on a kernel stack.
class RegisterWindow {
 public:
  virtual ~RegisterWindow() = default;
  virtual uint64_t read(uint64_t offset, unsigned size) = 0;
  virtual void write(uint64_t offset, uint64_t value, unsigned size) = 0;
};

class Bus final {
 public:
  static constexpr uint64_t kBase = LKL_MMIO_BASE;
  static constexpr uint64_t kWindow = LKL_MMIO_WINDOW;
  // irq 0 looks like "none" to some drivers
  static constexpr unsigned kFirstIrq = 1;

  // Takes a free irq, and with it the window of that number; -1 when all are in use.
  int allocate_irq();
  void free_irq(unsigned irq);

  static constexpr uint64_t address(unsigned irq) { return kBase + irq * kWindow; }

  // The window is not owned; the device must be gone from the kernel when it is
  // taken away.
  void connect(unsigned irq, RegisterWindow* window) { windows_[irq].store(window); }
  void disconnect(unsigned irq) { windows_[irq].store(nullptr); }

  // Reads of nothing give all ones, as on a real bus.
  uint64_t read(uint64_t address, unsigned size) const;
  void write(uint64_t address, uint64_t value, unsigned size) const;

 private:
  RegisterWindow* find(uint64_t address) const;

  std::array<std::atomic<RegisterWindow*>, LKL_NR_IRQS> windows_ = {};
  std::atomic<uint64_t> used_irqs_ = 0;
};

}  // namespace lkl::host
