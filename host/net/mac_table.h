// SPDX-License-Identifier: GPL-2.0
// Which Ethernet address was last seen at which port of a switch.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lkl::host {

// One thread learns, another one looks, at the same time. A newcomer takes the place of one that
// was there when there are too many, which is flooded then as one that is not known.
class MacTable final {
 public:
  static constexpr unsigned kNone = ~0u;

  using Address = std::span<const std::byte, 6>;

  static bool is_group(Address address) { return (address[0] & std::byte{1}) != std::byte{0}; }

  void learn(Address address, unsigned port) {
    const uint64_t key = number(address);
    const uint64_t entry = key << kPortBits | (port + 1);
    std::atomic<uint64_t>* const set = set_of(key);
    std::atomic<uint64_t>* place = nullptr;
    for (unsigned i = 0; i < kWays; ++i) {
      const uint64_t there = set[i].load(std::memory_order_relaxed);
      if (there == entry) return;
      if (there >> kPortBits == key) {
        place = &set[i];
        break;
      }
      if (there == 0 && !place) place = &set[i];
    }
    if (!place) place = &set[next_++ % kWays];
    place->store(entry, std::memory_order_relaxed);
  }

  unsigned find(Address address) const {
    const uint64_t key = number(address);
    const std::atomic<uint64_t>* const set = set_of(key);
    for (unsigned i = 0; i < kWays; ++i) {
      const uint64_t there = set[i].load(std::memory_order_relaxed);
      if (there != 0 && there >> kPortBits == key)
        return static_cast<unsigned>(there & ((1u << kPortBits) - 1)) - 1;
    }
    return kNone;
  }

  void forget(unsigned port) {
    for (std::atomic<uint64_t>& entry : entries_)
      if ((entry.load(std::memory_order_relaxed) & ((1u << kPortBits) - 1)) == port + 1)
        entry.store(0, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kPortBits = 16, kWays = 4;
  static constexpr size_t kSets = 512;

  static uint64_t number(Address address) {
    uint64_t number = 0;
    for (const std::byte byte : address) number = number << 8 | static_cast<uint64_t>(byte);
    return number;
  }
  static size_t set_number(uint64_t key) {
    return (key * 0x9e3779b97f4a7c15u >> 32) % kSets * kWays;
  }
  std::atomic<uint64_t>* set_of(uint64_t key) { return &entries_[set_number(key)]; }
  const std::atomic<uint64_t>* set_of(uint64_t key) const { return &entries_[set_number(key)]; }

  std::array<std::atomic<uint64_t>, kSets* kWays> entries_ = {};
  unsigned next_ = 0;
};

}  // namespace lkl::host
