// SPDX-License-Identifier: GPL-2.0
#include "virtio/queue.h"

#include <cstring>

namespace lkl::host {
namespace {

constexpr uint16_t kDescriptorNext = 1;
constexpr uint16_t kDescriptorWrite = 2;
constexpr uint16_t kDescriptorIndirect = 4;
constexpr uint16_t kDriverNoInterrupt = 1;
constexpr uint16_t kDeviceNoNotify = 1;
constexpr size_t kDescriptorBytes = 16;

uint16_t load16(const std::byte* at, int order = __ATOMIC_RELAXED) {
  return __atomic_load_n(reinterpret_cast<const uint16_t*>(at), order);
}

void store16(std::byte* at, uint16_t value, int order = __ATOMIC_RELAXED) {
  __atomic_store_n(reinterpret_cast<uint16_t*>(at), value, order);
}

// Has `wanted` been passed on the way from `old` to `now`? (all modulo 2^16)
bool passed(uint16_t wanted, uint16_t now, uint16_t old) {
  return static_cast<uint16_t>(now - wanted - 1) < static_cast<uint16_t>(now - old);
}

}  // namespace

struct VirtQueue::Descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};

bool VirtQueue::fail() {
  broken_.store(true);
  return false;
}

bool VirtQueue::start(const Layout& layout, Features features) {
  stop();
  const uint16_t size = layout.size;
  if (size == 0 || size > kMaxSize || (size & (size - 1))) return fail();
  if (layout.descriptors % 16 || layout.driver % 2 || layout.device % 4) return fail();
  const auto descriptors = memory_.translate(layout.descriptors, kDescriptorBytes * size);
  const auto driver = memory_.translate(layout.driver, 6 + 2 * size);
  const auto device = memory_.translate(layout.device, 6 + 8 * size);
  if (!descriptors || !driver || !device) return fail();
  const std::lock_guard lock(used_mutex_);
  descriptors_ = descriptors->data();
  driver_ = driver->data();
  device_ = device->data();
  features_ = features;
  size_ = size;
  return true;
}

void VirtQueue::stop() {
  const std::lock_guard lock(used_mutex_);
  size_ = 0;
  next_available_ = next_used_ = signalled_ = 0;
  broken_.store(false);
}

uint16_t VirtQueue::driver_index() const {
  return load16(driver_ + 2, __ATOMIC_ACQUIRE);
}

bool VirtQueue::pop(std::span<IoVec> room, Chain& chain) {
  if (!ready()) return false;
  const uint16_t waiting = driver_index() - next_available_;
  if (waiting == 0) return false;
  if (waiting > size_) return fail();
  const uint16_t head = load16(driver_ + 4 + 2 * (next_available_ % size_));
  if (head >= size_) return fail();
  chain = {.head = head, .readable = room.first(0), .writable = {}};
  unsigned used = 0;
  if (!walk(descriptors_, size_, head, false, room, chain, used)) return fail();
  const size_t readable = chain.readable.size();
  chain.writable = room.subspan(readable, used - readable);
  ++next_available_;
  return true;
}

bool VirtQueue::walk(const std::byte* table, unsigned count, unsigned index, bool indirect,
                     std::span<IoVec> room, Chain& chain, unsigned& used) {
  // Each descriptor at most once: a loop ends here.
  for (unsigned steps = 0; steps < count; ++steps) {
    if (index >= count) return false;
    Descriptor descriptor;  // a copy: the driver could change it between two looks
    std::memcpy(&descriptor, table + kDescriptorBytes * index, sizeof descriptor);

    if (descriptor.flags & kDescriptorIndirect) {
      if (!features_.indirect || indirect || (descriptor.flags & kDescriptorNext)) return false;
      const unsigned entries = descriptor.length / kDescriptorBytes;
      if (entries == 0 || descriptor.length % kDescriptorBytes || entries > kMaxChain) return false;
      const auto inner = memory_.translate(descriptor.address, descriptor.length);
      return inner && walk(inner->data(), entries, 0, true, room, chain, used);
    }

    const auto memory = memory_.translate(descriptor.address, descriptor.length);
    if (!memory || used >= room.size()) return false;
    const bool writable = descriptor.flags & kDescriptorWrite;
    if (!writable && used != chain.readable.size()) return false;  // readable ones come first
    room[used++] = {memory->data(), memory->size()};
    if (!writable) chain.readable = room.first(used);
    if (!(descriptor.flags & kDescriptorNext)) return true;
    index = descriptor.next;
  }
  return false;
}

void VirtQueue::disable_notifications() {
  if (!ready()) return;
  // With the event index silence is the default: the driver notifies only when it
  // passes the index of the last enable_notifications().
  if (!features_.event_index) store16(device_, kDeviceNoNotify);
}

bool VirtQueue::enable_notifications() {
  if (!ready()) return true;
  if (features_.event_index)
    store16(device_ + 4 + 8 * size_, next_available_);
  else
    store16(device_, 0);
  // Against the driver's barrier between its index and our wish.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return driver_index() == next_available_;
}

void VirtQueue::delay_notifications(unsigned count) {
  if (ready() && features_.event_index)
    store16(device_ + 4 + 8 * size_, static_cast<uint16_t>(next_available_ + count - 1));
}

bool VirtQueue::push(std::span<const Used> chains) {
  const std::lock_guard lock(used_mutex_);
  if (size_ == 0 || broken()) return false;
  for (const Used& chain : chains) {
    const uint32_t element[2] = {chain.head, chain.written};
    std::memcpy(device_ + 4 + 8 * (next_used_ % size_), element, sizeof element);
    ++next_used_;
  }
  store16(device_ + 2, next_used_, __ATOMIC_RELEASE);
  // Against the driver's barrier between its wish and our index.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!features_.event_index) return !(load16(driver_) & kDriverNoInterrupt);
  const uint16_t wanted = load16(driver_ + 4 + 2 * size_);
  const bool interrupt = passed(wanted, next_used_, signalled_);
  signalled_ = next_used_;
  return interrupt;
}

}  // namespace lkl::host
