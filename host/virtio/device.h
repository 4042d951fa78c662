// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "virtio/queue.h"

namespace lkl::host {

// The irq of a device, as its transport sees it. Any thread.
struct IrqLine {
  virtual void raise() = 0;

 protected:
  virtual ~IrqLine() = default;
};

// What a device may ask of its transport. Any thread.
class VirtioTransport {
 public:
  // Some chains of a queue have been used.
  virtual void interrupt() = 0;
  // The configuration is another one.
  virtual void config_changed() = 0;
  // The driver has broken the rules: nothing goes on until it resets the device.
  virtual void needs_reset() = 0;

 protected:
  ~VirtioTransport() = default;
};

// A virtio device: it knows queues and its configuration, and no transport.
// Functions are called by the holder of the virtual CPU.
class VirtioDevice {
 public:
  virtual ~VirtioDevice() = default;

  virtual uint32_t id() const = 0;  // virtio 1.2, section 5
  virtual uint64_t features() const = 0;
  virtual unsigned queues() const = 0;
  virtual std::span<const std::byte> config() const = 0;

  // The driver is ready. The queues belong to the transport; one that the driver has
  // not set up is not ready().
  virtual void activate(uint64_t features, std::span<VirtQueue* const> queues,
                        VirtioTransport& transport) = 0;
  // There is something in a queue.
  virtual void notify(unsigned queue) = 0;
  // Requests in flight may still end; they must not touch the queues.
  virtual void reset() = 0;
};

}  // namespace lkl::host
