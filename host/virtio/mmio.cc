// SPDX-License-Identifier: GPL-2.0
#include "virtio/mmio.h"

#include <cstring>

#include "virtio/mmio_registers.h"
#include "virtio/virtio.h"

namespace lkl::host {
namespace {

namespace reg = mmio_register;

constexpr uint32_t kMagic = 0x74726976;   // "virt"
constexpr uint32_t kVendor = 0x4c4b4c20;  // "LKL "
constexpr uint64_t kTransportFeatures = feature_bit(feature::kVersion1) |
                                        feature_bit(feature::kIndirectDescriptors) |
                                        feature_bit(feature::kEventIndex);

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
  interrupt_status_.fetch_or(reg::kUsedBuffer);
  irq_.raise();
}

void MmioTransport::config_changed() {
  config_generation_.fetch_add(1);
  interrupt_status_.fetch_or(reg::kConfigChange);
  irq_.raise();
}

void MmioTransport::needs_reset() {
  status_.fetch_or(device_status::kNeedsReset);
  interrupt_status_.fetch_or(reg::kConfigChange);
  irq_.raise();
}

uint64_t MmioTransport::read(uint64_t offset, unsigned size) {
  if (offset >= reg::kConfig) {
    const auto config = device_.config();
    const uint64_t at = offset - reg::kConfig;
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
    case reg::kMagicValue:
      return kMagic;
    case reg::kVersion:
      return 2;
    case reg::kDeviceId:
      return device_.id();
    case reg::kVendorId:
      return kVendor;
    case reg::kDeviceFeatures:
      return device_features_select_ < 2
                 ? static_cast<uint32_t>(offered() >> (32 * device_features_select_))
                 : 0;
    case reg::kQueueNumMax:
      return queue ? VirtQueue::kMaxSize : 0;
    case reg::kQueueReady:
      return queue && queue->ready;
    case reg::kInterruptStatus:
      return interrupt_status_.load();
    case reg::kStatus:
      return status_.load();
    case reg::kShmLenLow:
    case reg::kShmLenHigh:
      return ~uint32_t{0};  // no such region
    case reg::kConfigGeneration:
      return config_generation_.load();
    default:
      return 0;
  }
}

void MmioTransport::write(uint64_t offset, uint64_t value, unsigned size) {
  // No device of ours has a configuration that the driver may write.
  if (size == 4 && offset % 4 == 0 && offset < reg::kConfig)
    write_register(offset, static_cast<uint32_t>(value));
}

void MmioTransport::write_register(uint64_t offset, uint32_t value) {
  switch (offset) {
    case reg::kDeviceFeaturesSel:
      device_features_select_ = value;
      break;
    case reg::kDriverFeaturesSel:
      driver_features_select_ = value;
      break;
    case reg::kDriverFeatures:
      if (status_ & device_status::kFeaturesOk) break;
      if (driver_features_select_ == 0) driver_features_ = with_low(driver_features_, value);
      if (driver_features_select_ == 1) driver_features_ = with_high(driver_features_, value);
      break;
    case reg::kQueueSel:
      queue_select_ = value;
      break;
    case reg::kQueueNotify:
      if ((status_ & device_status::kDriverOk) && value < queues_.size()) {
        device_.notify(value);
        if (queues_[value]->ring.broken()) needs_reset();
      }
      break;
    case reg::kInterruptAck:
      interrupt_status_.fetch_and(~value);
      break;
    case reg::kStatus:
      set_status(value);
      break;
    default:
      if (queue_select_ < queues_.size()) write_queue_register(offset, value);
  }
}

void MmioTransport::write_queue_register(uint64_t offset, uint32_t value) {
  Queue& queue = *queues_[queue_select_];
  VirtQueue::Layout& layout = queue.layout;
  if (offset == reg::kQueueReady) {
    if (queue.ready && (value & 1)) return;  // it runs, and goes on
    queue.ready = value & 1;
    if (!queue.ready) {
      queue.ring.stop();
    } else if (!queue.ring.start(
                   layout,
                   {.event_index = (driver_features_ >> feature::kEventIndex & 1) != 0,
                    .indirect = (driver_features_ >> feature::kIndirectDescriptors & 1) != 0})) {
      queue.ready = false;
      needs_reset();
    }
    return;
  }
  if (queue.ready) return;  // the layout of a running queue is not the driver's any more
  switch (offset) {
    case reg::kQueueNum:
      layout.size = value <= VirtQueue::kMaxSize ? static_cast<uint16_t>(value) : 0;
      break;
    case reg::kQueueDescLow:
      layout.descriptors = with_low(layout.descriptors, value);
      break;
    case reg::kQueueDescHigh:
      layout.descriptors = with_high(layout.descriptors, value);
      break;
    case reg::kQueueDriverLow:
      layout.driver = with_low(layout.driver, value);
      break;
    case reg::kQueueDriverHigh:
      layout.driver = with_high(layout.driver, value);
      break;
    case reg::kQueueDeviceLow:
      layout.device = with_low(layout.device, value);
      break;
    case reg::kQueueDeviceHigh:
      layout.device = with_high(layout.device, value);
      break;
  }
}

void MmioTransport::set_status(uint32_t value) {
  if (value == 0) return reset();
  uint32_t old = status_.load();
  // Features that were not offered, or no version 1: the driver finds the bit unset.
  if ((value & device_status::kFeaturesOk) && !(old & device_status::kFeaturesOk) &&
      ((driver_features_ & ~offered()) || !(driver_features_ >> feature::kVersion1 & 1)))
    value &= ~device_status::kFeaturesOk;
  // No start without an agreement on features.
  if (!(value & device_status::kFeaturesOk)) value &= ~device_status::kDriverOk;
  while (!status_.compare_exchange_weak(old, value | (old & device_status::kNeedsReset))) {
  }
  if ((value & device_status::kDriverOk) && !(old & device_status::kDriverOk))
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

}  // namespace lkl::host
