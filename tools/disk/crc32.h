// SPDX-License-Identifier: GPL-2.0
//
// The CRC that GPT and LVM use, of the polynomial of Ethernet.
#ifndef LKL_TOOL_CRC32_H
#define LKL_TOOL_CRC32_H

#include <cstddef>
#include <cstdint>
#include <span>

namespace lkl::tool {

// How it begins, and whether it is inverted in the end, is the format's affair.
inline std::uint32_t crc32_of(std::span<const std::byte> bytes, std::uint32_t crc) {
  for (const std::byte b : bytes) {
    crc ^= std::to_integer<std::uint32_t>(b);
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
  }
  return crc;
}

}  // namespace lkl::tool

#endif  // LKL_TOOL_CRC32_H
