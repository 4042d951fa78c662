// SPDX-License-Identifier: GPL-2.0
// Option structures of the C interface, which grow.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "lkl.h"

namespace lkl::host {

// As openat2(2) does it: what an older program has not is zero, what a newer one has more has
// to be. `first`: bytes when it came. 0 or -errno.
template <class Options>
int read_options(const Options* given, size_t first, Options& options) {
  options = {};
  if (!given) return 0;
  const size_t size = given->struct_size;
  if (size < first) return -LKL_EINVAL;
  const auto bytes = std::span(reinterpret_cast<const char*>(given), size);
  std::memcpy(&options, given, std::min(size, sizeof options));
  const auto more = bytes.subspan(std::min(size, sizeof options));
  return std::ranges::all_of(more, [](char byte) { return byte == 0; }) ? 0 : -LKL_E2BIG;
}

}  // namespace lkl::host
