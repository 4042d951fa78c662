// SPDX-License-Identifier: GPL-2.0
// The Internet's checksum (RFC 1071).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lkl::host {

// The sum of these bytes, added to `sum`.
inline uint32_t add_to_checksum(uint32_t sum, std::span<const uint8_t> bytes) {
  uint64_t total = sum;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2)
    total += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  if (bytes.size() % 2) total += static_cast<uint32_t>(bytes.back()) << 8;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return static_cast<uint32_t>(total);
}

// What the field of the checksum is to have.
inline uint16_t end_of_checksum(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace lkl::host
