// SPDX-License-Identifier: GPL-2.0
// The driver's side of a ring, written from the specification: nothing of it comes
// from the device's code.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "virtio/guest_memory.h"

namespace lkl_test {

struct FakeMemory {
  static constexpr uint64_t kPhys = 0x100000;
  std::vector<std::byte> bytes = std::vector<std::byte>(1 << 20);
  lkl::GuestMemory memory;
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
  uint16_t used_index() { return ram.at<uint16_t>(used)[1]; }
  uint16_t used_flags() { return ram.at<uint16_t>(used)[0]; }
  uint16_t avail_event() { return *ram.at<uint16_t>(used + 4 + 8u * size); }
  uint32_t used_id(unsigned i) { return ram.at<uint32_t>(used + 4)[2 * (i % size)]; }
  uint32_t used_len(unsigned i) { return ram.at<uint32_t>(used + 4)[2 * (i % size) + 1]; }

  void make_available(uint16_t head) {
    ram.at<uint16_t>(avail)[2 + avail_index % size] = head;
    ++avail_index;
    ram.at<uint16_t>(avail)[1] = avail_index;
  }
};

}  // namespace lkl_test
