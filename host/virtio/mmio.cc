// SPDX-License-Identifier: GPL-2.0
#include "virtio/mmio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include <cstring>

namespace lkl {
namespace {

// <linux/virtio_ring.h> is not for C++
constexpr unsigned kFeatureIndirect = 28;
constexpr unsigned kFeatureEventIndex = 29;

constexpr uint32_t kMagic = 0x74726976;   // "virt"
constexpr uint32_t kVendor = 0x4c4b4c20;  // "LKL "
constexpr uint64_t kTransportFeatures = uint64_t{1} << VIRTIO_F_VERSION_1 |
                                        uint64_t{1} << kFeatureIndirect |
                                        uint64_t{1} << kFeatureEventIndex;

uint64_t with_low(uint64_t whole, uint32_t low) {
  return (whole >> 32 << 32) | low;
}

uint64_t with_high(uint64_t whole, uint32_t high) {
  return static_cast<uint32_t>(whole) | uint64_t{high} << 32;
}

}  // namespace

MmioTransport::MmioTransport(VirtioDevice& device, const GuestMemory& memory, IrqLine& irq)
    : device_(device), irq_(irq) {
  for (unsigned i = 0; i < device.queues(); ++i) {
    queues_.push_back(std::make_unique<Queue>(memory));
    rings_.push_back(&queues_.back()->ring);
  }
}

uint64_t MmioTransport::offered() const {
  return device_.features() | kTransportFeatures;
}

void MmioTransport::interrupt() {
  interrupt_status_.fetch_or(VIRTIO_MMIO_INT_VRING);
  irq_.raise();
}

void MmioTransport::needs_reset() {
  status_.fetch_or(VIRTIO_CONFIG_S_NEEDS_RESET);
  interrupt_status_.fetch_or(VIRTIO_MMIO_INT_CONFIG);
  irq_.raise();
}

uint64_t MmioTransport::read(uint64_t offset, unsigned size) {
  if (offset >= VIRTIO_MMIO_CONFIG) {
    const auto config = device_.config();
    const uint64_t at = offset - VIRTIO_MMIO_CONFIG;
    uint64_t value = 0;
    if (size <= sizeof value && at + size <= config.size())
      std::memcpy(&value, config.data() + at, size);
    return value;
  }
  return size == 4 && offset % 4 == 0 ? read_register(offset) : 0;
}

uint32_t MmioTransport::read_register(uint64_t offset) const {
  const Queue* queue = queue_select_ < queues_.size() ? queues_[queue_select_].get() : nullptr;
  switch (offset) {
    case VIRTIO_MMIO_MAGIC_VALUE:
      return kMagic;
    case VIRTIO_MMIO_VERSION:
      return 2;
    case VIRTIO_MMIO_DEVICE_ID:
      return device_.id();
    case VIRTIO_MMIO_VENDOR_ID:
      return kVendor;
    case VIRTIO_MMIO_DEVICE_FEATURES:
      return device_features_select_ < 2
                 ? static_cast<uint32_t>(offered() >> (32 * device_features_select_))
                 : 0;
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
      return queue ? VirtQueue::kMaxSize : 0;
    case VIRTIO_MMIO_QUEUE_READY:
      return queue && queue->ready;
    case VIRTIO_MMIO_INTERRUPT_STATUS:
      return interrupt_status_.load();
    case VIRTIO_MMIO_STATUS:
      return status_.load();
    case VIRTIO_MMIO_SHM_LEN_LOW:
    case VIRTIO_MMIO_SHM_LEN_HIGH:
      return ~uint32_t{0};  // no such region
    default:
      // includes CONFIG_GENERATION: our configurations never change
      return 0;
  }
}

void MmioTransport::write(uint64_t offset, uint64_t value, unsigned size) {
  // No device of ours has a configuration that the driver may write.
  if (size == 4 && offset % 4 == 0 && offset < VIRTIO_MMIO_CONFIG)
    write_register(offset, static_cast<uint32_t>(value));
}

void MmioTransport::write_register(uint64_t offset, uint32_t value) {
  switch (offset) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
      device_features_select_ = value;
      break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
      driver_features_select_ = value;
      break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
      if (status_ & VIRTIO_CONFIG_S_FEATURES_OK) break;
      if (driver_features_select_ == 0) driver_features_ = with_low(driver_features_, value);
      if (driver_features_select_ == 1) driver_features_ = with_high(driver_features_, value);
      break;
    case VIRTIO_MMIO_QUEUE_SEL:
      queue_select_ = value;
      break;
    case VIRTIO_MMIO_QUEUE_NOTIFY:
      if ((status_ & VIRTIO_CONFIG_S_DRIVER_OK) && value < queues_.size()) {
        device_.notify(value);
        if (queues_[value]->ring.broken()) needs_reset();
      }
      break;
    case VIRTIO_MMIO_INTERRUPT_ACK:
      interrupt_status_.fetch_and(~value);
      break;
    case VIRTIO_MMIO_STATUS:
      set_status(value);
      break;
    default:
      if (queue_select_ < queues_.size()) write_queue_register(offset, value);
  }
}

void MmioTransport::write_queue_register(uint64_t offset, uint32_t value) {
  Queue& queue = *queues_[queue_select_];
  VirtQueue::Layout& layout = queue.layout;
  if (offset == VIRTIO_MMIO_QUEUE_READY) {
    if (queue.ready && (value & 1)) return;  // it runs, and goes on
    queue.ready = value & 1;
    if (!queue.ready) {
      queue.ring.stop();
    } else if (!queue.ring.start(layout,
                                 {.event_index = (driver_features_ >> kFeatureEventIndex & 1) != 0,
                                  .indirect = (driver_features_ >> kFeatureIndirect & 1) != 0})) {
      queue.ready = false;
      needs_reset();
    }
    return;
  }
  if (queue.ready) return;  // the layout of a running queue is not the driver's any more
  switch (offset) {
    case VIRTIO_MMIO_QUEUE_NUM:
      layout.size = value <= VirtQueue::kMaxSize ? static_cast<uint16_t>(value) : 0;
      break;
    case VIRTIO_MMIO_QUEUE_DESC_LOW:
      layout.descriptors = with_low(layout.descriptors, value);
      break;
    case VIRTIO_MMIO_QUEUE_DESC_HIGH:
      layout.descriptors = with_high(layout.descriptors, value);
      break;
    case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
      layout.driver = with_low(layout.driver, value);
      break;
    case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
      layout.driver = with_high(layout.driver, value);
      break;
    case VIRTIO_MMIO_QUEUE_USED_LOW:
      layout.device = with_low(layout.device, value);
      break;
    case VIRTIO_MMIO_QUEUE_USED_HIGH:
      layout.device = with_high(layout.device, value);
      break;
  }
}

void MmioTransport::set_status(uint32_t value) {
  if (value == 0) return reset();
  uint32_t old = status_.load();
  // Features that were not offered, or no version 1: the driver finds the bit unset.
  if ((value & VIRTIO_CONFIG_S_FEATURES_OK) && !(old & VIRTIO_CONFIG_S_FEATURES_OK) &&
      ((driver_features_ & ~offered()) || !(driver_features_ >> VIRTIO_F_VERSION_1 & 1)))
    value &= ~VIRTIO_CONFIG_S_FEATURES_OK;
  // No start without an agreement on features.
  if (!(value & VIRTIO_CONFIG_S_FEATURES_OK)) value &= ~VIRTIO_CONFIG_S_DRIVER_OK;
  while (!status_.compare_exchange_weak(old, value | (old & VIRTIO_CONFIG_S_NEEDS_RESET))) {
  }
  if ((value & VIRTIO_CONFIG_S_DRIVER_OK) && !(old & VIRTIO_CONFIG_S_DRIVER_OK))
    device_.activate(driver_features_, rings_, *this);
}

void MmioTransport::reset() {
  device_.reset();
  for (const auto& queue : queues_) {
    queue->ring.stop();
    queue->layout = {};
    queue->ready = false;
  }
  driver_features_ = 0;
  device_features_select_ = driver_features_select_ = queue_select_ = 0;
  interrupt_status_.store(0);
  status_.store(0);
}

}  // namespace lkl
