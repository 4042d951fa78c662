// SPDX-License-Identifier: GPL-2.0
#include <windows.h>

#include <bcrypt.h>

#include "host.h"

namespace lkl::host {

bool random_bytes(std::span<std::byte> bytes) {
  return BCryptGenRandom(nullptr, reinterpret_cast<UCHAR*>(bytes.data()),
                         static_cast<ULONG>(bytes.size()), BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0;
}

}  // namespace lkl::host
