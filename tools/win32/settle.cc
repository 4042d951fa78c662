// SPDX-License-Identifier: GPL-2.0
#include <algorithm>

#include "base/error.h"
#include "lkl/cmd/ext_settle.h"

namespace lkl::tool {

std::uint32_t ext_time(std::uint32_t seconds) {
  return std::max(seconds, 1U);
}

void prepare_settling() {
  throw Failure(
      "--reproducible: of ext file systems that wants libext2fs, which is not there on Windows");
}

// Nobody gets here: it was prepared for first.
void settle_ext(int, const std::string&, std::uint32_t) {}

}  // namespace lkl::tool
