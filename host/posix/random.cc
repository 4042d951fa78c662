// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include "host.h"

namespace lkl::host {

bool random_bytes(std::span<std::byte> bytes) {
  return getentropy(bytes.data(), bytes.size()) == 0;
}

}  // namespace lkl::host
