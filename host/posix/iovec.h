// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

#include "host.h"

namespace lkl::host {

// As system calls take it.
inline const iovec* to_iovec(std::span<const IoVec> vector) {
  static_assert(sizeof(iovec) == sizeof(IoVec) &&
                offsetof(iovec, iov_base) == offsetof(IoVec, base) &&
                offsetof(iovec, iov_len) == offsetof(IoVec, size));
  return reinterpret_cast<const iovec*>(vector.data());
}

}  // namespace lkl::host
