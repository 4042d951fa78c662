// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "virtio/bus.h"
#include "virtio/device.h"

namespace lkl::host {

// virtio over MMIO, version 2 (virtio 1.2, section 4.2): the register window
// between the kernel's driver and a device. Knows no device.
class MmioTransport final : public RegisterWindow, public VirtioTransport {
 public:
  MmioTransport(VirtioDevice& device, const GuestMemory& memory, IrqLine& irq);

  uint64_t read(uint64_t offset, unsigned size) override;
  void write(uint64_t offset, uint64_t value, unsigned size) override;

  void interrupt() override;
  void config_changed() override;
  void needs_reset() override;

 private:
  struct Queue {
    explicit Queue(const GuestMemory& memory) : ring(memory) {}
    VirtQueue ring;
    VirtQueue::Layout layout;
    bool ready = false;
  };

  uint64_t offered() const;
  uint32_t read_register(uint64_t offset) const;
  void write_register(uint64_t offset, uint32_t value);
  void write_queue_register(uint64_t offset, uint32_t value);
  void set_status(uint32_t value);
  void reset();

  VirtioDevice& device_;
  IrqLine& irq_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::vector<VirtQueue*> rings_;
  uint32_t device_features_select_ = 0;
  uint32_t driver_features_select_ = 0;
  uint64_t driver_features_ = 0;
  uint32_t queue_select_ = 0;
  std::atomic<uint32_t> status_ = 0;
  std::atomic<uint32_t> interrupt_status_ = 0;
  std::atomic<uint32_t> config_generation_ = 0;
};

}  // namespace lkl::host
