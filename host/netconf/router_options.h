// SPDX-License-Identifier: GPL-2.0
// What a router says of resolvers, RFC 8106.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "netconf/bytes.h"

namespace lkl::host {

struct RouterNames {
  // No more are kept of either: nobody asks as many, and one that plays the router could go on and
  // on while an address is waited for.
  static constexpr size_t kMost = 16;

  std::vector<std::array<uint8_t, 16>> servers;
  std::vector<std::string> search;
};

// Adds what options of neighbour discovery (RFC 4861, section 4.6) say, up to one that is damaged.
// What has a lifetime of 0 is taken away.
void read_router_options(Bytes options, RouterNames& names);

}  // namespace lkl::host
