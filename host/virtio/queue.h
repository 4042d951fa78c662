// SPDX-License-Identifier: GPL-2.0
// The device's side of a split virtqueue (virtio 1.2, section 2.7).
//
// The driver is taken for hostile: every index, length and address is checked, and
// each descriptor is read once. A ring that breaks the rules is never looked at
// again until the device is reset.
//
// pop() is called by the holder of the virtual CPU, push() by whoever ends a
// request; both at the same time on two threads is fine.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "host.h"
#include "virtio/guest_memory.h"

namespace lkl::host {

// A descriptor chain: what the device reads, then what it writes. The vectors are
// the caller's.
struct Chain {
  uint16_t head = 0;
  std::span<IoVec> readable;
  std::span<IoVec> writable;
};

class VirtQueue final {
 public:
  static constexpr uint16_t kMaxSize = 256;
  // Elements of a chain, both kinds together; more breaks the ring.
  static constexpr unsigned kMaxChain = 258;

  explicit VirtQueue(const GuestMemory& memory) : memory_(memory) {}

  struct Layout {
    uint16_t size = 0;
    uint64_t descriptors = 0, driver = 0, device = 0;  // guest addresses
  };
  struct Features {
    bool event_index = false;
    bool indirect = false;
  };

  // False (and broken()) if the layout is not legal.
  bool start(const Layout& layout, Features features);
  void stop();
  bool ready() const { return size_ != 0 && !broken(); }
  bool broken() const { return broken_.load(std::memory_order_relaxed); }

  // The next chain, its elements put into `room` (kMaxChain of them). False if there
  // is none, or the ring is broken.
  bool pop(std::span<IoVec> room, Chain& chain);

  // Is there no chain to pop?
  bool empty() const { return !ready() || driver_index() == next_available_; }

  // The driver has broken a rule that the device sees, not the ring.
  void give_up() { fail(); }

  // The driver need not notify while we look at the ring anyway.
  void disable_notifications();
  // False: the driver has added something meanwhile, pop again.
  bool enable_notifications();

  // The driver need not notify before there are so many to pop, if it can be told so: nobody looks
  // at the ring meanwhile.
  void delay_notifications(unsigned count);

  // These chains have been used, so many bytes of each written: the driver sees all of them or
  // none. True if it wants an interrupt for them.
  struct Used {
    uint16_t head = 0;
    uint32_t written = 0;
  };
  bool push(std::span<const Used> chains);
  bool push(uint16_t head, uint32_t written) {
    const Used one = {.head = head, .written = written};
    return push(std::span(&one, 1));
  }

 private:
  struct Descriptor;
  bool walk(const std::byte* table, unsigned count, unsigned index, bool indirect,
            std::span<IoVec> room, Chain& chain, unsigned& used);
  bool fail();
  uint16_t driver_index() const;

  const GuestMemory& memory_;
  uint16_t size_ = 0;
  Features features_;
  std::byte* descriptors_ = nullptr;
  std::byte* driver_ = nullptr;
  std::byte* device_ = nullptr;
  uint16_t next_available_ = 0;  // pop's
  // Guards what follows, and the layout against a push() that comes late.
  std::mutex used_mutex_;
  uint16_t next_used_ = 0;
  uint16_t signalled_ = 0;  // next_used_ at the last interrupt decision
  std::atomic<bool> broken_ = false;
};

}  // namespace lkl::host
