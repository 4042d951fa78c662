// SPDX-License-Identifier: GPL-2.0
// The driver's side of a ring, written from the specification: nothing of it comes
// from the device's code.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "virtio/bus.h"
#include "virtio/guest_memory.h"

namespace lkl_test {

struct FakeMemory {
  static constexpr uint64_t kPhys = 0x100000;
  std::vector<std::byte> bytes = std::vector<std::byte>(1 << 20);
  lkl::host::GuestMemory memory;
  uint64_t next = 0;

  FakeMemory() { memory.set_range(kPhys, bytes.data(), bytes.size()); }
  // A guest address of so many bytes, aligned to 16.
  uint64_t allocate(uint64_t size) {
    next = (next + 15) & ~uint64_t{15};
    const uint64_t address = kPhys + next;
    next += size;
    return address;
  }
  template <typename T = std::byte>
  T* at(uint64_t address) {
    return reinterpret_cast<T*>(bytes.data() + (address - kPhys));
  }
};

struct Desc {
  uint64_t addr;
  uint32_t len;
  uint16_t flags;
  uint16_t next;
};
constexpr uint16_t kNext = 1, kWrite = 2, kIndirect = 4;

struct FakeRing {
  FakeMemory& ram;
  uint16_t size;
  uint64_t desc, avail, used;
  uint16_t avail_index = 0, used_seen = 0;

  FakeRing(FakeMemory& memory, uint16_t entries)
      : ram(memory),
        size(entries),
        desc(memory.allocate(16u * entries)),
        avail(memory.allocate(6u + 2u * entries)),
        used(memory.allocate(6u + 8u * entries)) {}

  Desc& descriptor(unsigned i) { return ram.at<Desc>(desc)[i]; }
  uint16_t& avail_flags() { return ram.at<uint16_t>(avail)[0]; }
  uint16_t& used_event() { return ram.at<uint16_t>(avail)[2 + size]; }
  uint16_t used_index() { return __atomic_load_n(&ram.at<uint16_t>(used)[1], __ATOMIC_ACQUIRE); }
  uint16_t used_flags() { return ram.at<uint16_t>(used)[0]; }
  uint16_t avail_event() { return *ram.at<uint16_t>(used + 4 + 8u * size); }
  uint32_t used_id(unsigned i) { return ram.at<uint32_t>(used + 4)[2 * (i % size)]; }
  uint32_t used_len(unsigned i) { return ram.at<uint32_t>(used + 4)[2 * (i % size) + 1]; }

  void make_available(uint16_t head) {
    ram.at<uint16_t>(avail)[2 + avail_index % size] = head;
    ++avail_index;
    // the device may be looking on another thread
    __atomic_store_n(&ram.at<uint16_t>(avail)[1], avail_index, __ATOMIC_RELEASE);
  }
};

// The register window of virtio 1.2, section 4.2.2, by the numbers there.
struct FakeRegisters {
  enum : uint64_t {
    kDeviceFeatures = 0x10,
    kDeviceFeaturesSel = 0x14,
    kDriverFeatures = 0x20,
    kDriverFeaturesSel = 0x24,
    kQueueSel = 0x30,
    kQueueNumMax = 0x34,
    kQueueNum = 0x38,
    kQueueReady = 0x44,
    kQueueNotify = 0x50,
    kInterruptStatus = 0x60,
    kInterruptAck = 0x64,
    kStatus = 0x70,
    kQueueDesc = 0x80,
    kQueueDriver = 0x90,
    kQueueDevice = 0xa0,
    kShmLength = 0xb0,
    kConfig = 0x100,
  };
  enum : uint32_t {
    kAcknowledge = 1,
    kDriver = 2,
    kDriverOk = 4,
    kFeaturesOk = 8,
    kNeedsReset = 64
  };
  static constexpr uint64_t kIndirectDesc = 1ull << 28, kEventIndex = 1ull << 29,
                            kVersion1 = 1ull << 32;

  lkl::host::RegisterWindow& window;

  uint32_t get(uint64_t offset) { return static_cast<uint32_t>(window.read(offset, 4)); }
  void set(uint64_t offset, uint64_t value) {
    window.write(offset, static_cast<uint32_t>(value), 4);
  }
  void set_address(uint64_t offset, uint64_t address) {
    set(offset, address);
    set(offset + 4, address >> 32);
  }

  uint64_t offered() {
    set(kDeviceFeaturesSel, 1);
    const uint64_t high = get(kDeviceFeatures);
    set(kDeviceFeaturesSel, 0);
    return high << 32 | get(kDeviceFeatures);
  }
  // As far as FEATURES_OK; whether the device agrees.
  bool negotiate(uint64_t features) {
    set(kStatus, 0);
    set(kStatus, kAcknowledge | kDriver);
    set(kDriverFeaturesSel, 0);
    set(kDriverFeatures, features);
    set(kDriverFeaturesSel, 1);
    set(kDriverFeatures, features >> 32);
    set(kStatus, kAcknowledge | kDriver | kFeaturesOk);
    return (get(kStatus) & kFeaturesOk) != 0;
  }
  // Whether the device takes the queue.
  bool set_up(unsigned queue, const FakeRing& ring) {
    set(kQueueSel, queue);
    set(kQueueNum, ring.size);
    set_address(kQueueDesc, ring.desc);
    set_address(kQueueDriver, ring.avail);
    set_address(kQueueDevice, ring.used);
    set(kQueueReady, 1);
    return get(kQueueReady) == 1;
  }
  void go() { set(kStatus, kAcknowledge | kDriver | kFeaturesOk | kDriverOk); }
};

}  // namespace lkl_test
