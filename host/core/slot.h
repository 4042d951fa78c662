// SPDX-License-Identifier: GPL-2.0
// A place on the bus with a virtio device in it.
#pragma once

#include <atomic>

#include "core/instance.h"
#include "virtio/device.h"
#include "virtio/mmio.h"

namespace lkl::host {

class Slot final : public IrqLine {
 public:
  // `irq`: allocated, and freed with this. The device outlives unplug().
  Slot(unsigned irq, Instance& instance, VirtioDevice& device);
  ~Slot() override;

  unsigned irq() const { return irq_; }

  // Tells the kernel, once, whoever comes first; others wait for that. 0 or -errno.
  int connect();
  // Whether the kernel is to be told that it goes: once, and not before it was told that it is
  // there. Waits for who does that.
  bool begin_disconnect();
  // Tells it; its driver waits for what is in flight.
  int disconnect();
  // The window is there no more.
  void unplug();
  // In the child of a fork: what a thread that is no more has begun its task ends.
  void after_fork_child();

  // by the holder of the CPU, or by who minds the event loop, and attends to it then
  void raise() override;

 private:
  enum class State { kApart, kConnecting, kConnected, kGone };
  // When no other thread connects it.
  State settled() const;

  const unsigned irq_;
  Instance& instance_;
  MmioTransport transport_;
  std::atomic<State> state_ = State::kApart;
};

}  // namespace lkl::host
