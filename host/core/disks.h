// SPDX-License-Identifier: GPL-2.0
// The disks that the application has added.
#pragma once

#include <memory>

#include "core/device_list.h"
#include "core/slot.h"
#include "virtio/blk.h"

namespace lkl::host {

// One disk: its virtio device, and where it is on the bus.
class Disk final {
 public:
  Disk(int id, unsigned irq, Instance& instance, std::unique_ptr<BlockBackend> backend,
       const VirtioBlkOptions& options);
  ~Disk();

  int id() const { return id_; }
  unsigned irq() const { return slot_.irq(); }

  int connect() { return slot_.connect(); }
  int disconnect();
  void stop_waiting() { device_.backend().stop_waiting(); }
  void after_fork_child() { slot_.after_fork_child(); }

 private:
  const int id_;
  VirtioBlk device_;
  Slot slot_;
};

class Disks final : public DeviceList<Disk> {
 public:
  using DeviceList::DeviceList;

  // Nobody makes room on the host any more for what waits for it.
  void stop_waiting() {
    for_each([](Disk& disk) { disk.stop_waiting(); });
  }
};

}  // namespace lkl::host
