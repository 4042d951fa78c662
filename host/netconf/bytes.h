// SPDX-License-Identifier: GPL-2.0
// Numbers in network order, in bytes that come from anybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lkl::host {

using Bytes = std::span<const uint8_t>;

inline uint16_t be16(Bytes from, size_t at) {
  return static_cast<uint16_t>(from[at] << 8 | from[at + 1]);
}
inline uint32_t be32(Bytes from, size_t at) {
  return static_cast<uint32_t>(be16(from, at)) << 16 | be16(from, at + 2);
}
inline void put16(std::vector<uint8_t>& to, uint32_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
inline void put32(std::vector<uint8_t>& to, uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}

}  // namespace lkl::host
