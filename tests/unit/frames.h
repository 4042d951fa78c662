// SPDX-License-Identifier: GPL-2.0
// Frames for tests of wires.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include "net/backend.h"

namespace lkl_test {

constexpr int kEveryone = 0xff;

// From one address to another: both differ in the last byte only.
inline std::vector<char> frame(int to, int from, size_t size, char content = 0,
                               size_t header = lkl::host::NetBackend::kHeaderSize) {
  std::vector<char> bytes(header + size, content);
  std::memset(bytes.data(), 0, header);
  for (size_t i = 0; i < 6; ++i) {
    bytes[header + i] = static_cast<char>(to == kEveryone ? 0xff : i == 0 ? 2 : i == 5 ? to : 0);
    bytes[header + 6 + i] = static_cast<char>(i == 0 ? 2 : i == 5 ? from : 0);
  }
  return bytes;
}

}  // namespace lkl_test
