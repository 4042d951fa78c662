// SPDX-License-Identifier: GPL-2.0
// The network cards that the application has added.
#pragma once

#include <memory>

#include "core/device_list.h"
#include "core/slot.h"
#include "virtio/net.h"

namespace lkl::host {

// One card: its virtio device, and where it is on the bus.
class Nic final {
 public:
  Nic(int id, unsigned irq, Instance& instance, std::shared_ptr<NetBackend> backend,
      const VirtioNetOptions& options)
      : id_(id),
        device_(std::move(backend), instance.loop(), options),
        slot_(irq, instance, device_) {}
  // the loop may be about to tell the device of something
  ~Nic() { device_.reset(); }

  int id() const { return id_; }
  unsigned irq() const { return slot_.irq(); }

  int connect() { return slot_.connect(); }
  int disconnect() { return slot_.begin_disconnect() ? slot_.disconnect() : 0; }
  // The wire stays the parent's.
  void after_fork_child() {
    slot_.after_fork_child();
    device_.cut();
  }

 private:
  const int id_;
  VirtioNet device_;
  Slot slot_;
};

class Nics final : public DeviceList<Nic> {
 public:
  using DeviceList::DeviceList;
};

}  // namespace lkl::host
