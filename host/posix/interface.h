// SPDX-License-Identifier: GPL-2.0
// Network interfaces of the host, as wires want to know them.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace lkl::host {

struct Interface {
  std::string name;
  int index = 0;
  uint16_t mtu = 0;
  std::array<uint8_t, 6> mac = {};
  bool ethernet = false;
};

// 0 or -errno: ENODEV if there is none of this name, EINVAL if it is none.
int find_interface(const std::string& name, Interface& result);

}  // namespace lkl::host
