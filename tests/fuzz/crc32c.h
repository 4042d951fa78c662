// SPDX-License-Identifier: GPL-2.0
// The checksum of ext4, btrfs and XFS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lkl_fuzz {

inline uint32_t crc32c(uint32_t crc, std::span<const std::byte> bytes) {
  static constexpr auto kTable = [] {
    std::array<uint32_t, 256> table = {};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78 : 0);
      table[i] = value;
    }
    return table;
  }();
  for (const std::byte byte : bytes)
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return crc;
}

}  // namespace lkl_fuzz
